package millrace;

import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.bson.Document;
import io.netty.channel.Channel;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.h2.mvstore.MVStore;

/**
 * A write is in the file before it is acknowledged, so that killing this process loses none of them.
 *
 * Writes run side by side; a commit waits until none is under way, because the file must never hold half of one.
 * One commit covers every write that finished before it, so busy moments do not pay for one commit each.
 */
final class DurableBackend extends H2Backend {

    private static final Set<String> WRITES = Set.of(
            "insert", "update", "delete", "findandmodify", "createindexes", "dropindexes",
            "create", "drop", "dropdatabase", "renamecollection");

    private final ReentrantReadWriteLock file = new ReentrantReadWriteLock();
    private final AtomicLong finished = new AtomicLong();
    private long committed; // guarded by file.writeLock()
    private final ScheduledExecutorService housekeeping =
            Executors.newSingleThreadScheduledExecutor(DurableBackend::daemon);

    DurableBackend(MVStore store) {
        super(store);
        version(new CurrentVersion());
        housekeeping.scheduleWithFixedDelay(this::compact, 5, 5, TimeUnit.SECONDS);
    }

    @Override
    public Document handleCommand(Channel channel, String database, String command, Document query) {
        if (!WRITES.contains(command.toLowerCase())) {
            return super.handleCommand(channel, database, command, query);
        }
        long own;
        Document reply;
        file.readLock().lock();
        try {
            reply = super.handleCommand(channel, database, command, query);
        } finally {
            own = finished.incrementAndGet();
            file.readLock().unlock();
        }
        commitUpTo(own);
        return reply;
    }

    @Override
    public void close() {
        housekeeping.shutdown();
        file.writeLock().lock();
        try {
            super.close();
        } finally {
            file.writeLock().unlock();
        }
    }

    /**
     * The file's header has to name the newest commit before the next one writes over space that this one freed:
     * a process killed in between would otherwise find only an older state on its way from an older header. H2
     * saves itself most of these header writes; marked as cleanly closed, it has to write this one.
     */
    @Override
    public void commit() {
        getMvStore().getStoreHeader().put("clean", 1);
        super.commit();
    }

    private void commitUpTo(long write) {
        file.writeLock().lock();
        try {
            if (committed < write) {
                long covered = finished.get();
                commit();
                committed = covered;
            }
        } finally {
            file.writeLock().unlock();
        }
    }

    /** Moves what is still used out of mostly empty parts of the file, a bounded piece at a time. */
    private void compact() {
        file.writeLock().lock();
        try {
            if (!getMvStore().isClosed()) {
                getMvStore().compact(50, 4 * 1024 * 1024);
            }
        } finally {
            file.writeLock().unlock();
        }
    }

    private static Thread daemon(Runnable work) {
        Thread thread = new Thread(work, "housekeeping");
        thread.setDaemon(true);
        return thread;
    }

    /** What current drivers insist on; the server below speaks enough of it. */
    private static final class CurrentVersion implements MongoVersion {
        @Override
        public List<Integer> getVersionArray() {
            return List.of(6, 0, 0);
        }

        @Override
        public int getWireVersion() {
            return 17;
        }
    }
}
