package millrace;

import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.bson.Document;
import io.netty.channel.Channel;
import io.netty.channel.embedded.EmbeddedChannel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.h2.mvstore.MVStore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Every write is in the journal before it is carried out and acknowledged, so that killing this process loses
 * none of them. The store itself is brought up to date every few seconds: a commit costs far more than a write.
 *
 * A commit holds exactly the commands of the journal's files before the number that it keeps as the store's
 * version; after a kill those from that number on are carried out again. They give the same as before, because
 * one write at a time goes into the journal and the store. (Ids that a server makes up would differ; drivers make
 * their own.)
 */
final class DurableBackend extends H2Backend {

    private static final Logger log = LoggerFactory.getLogger(DurableBackend.class);
    private static final Set<String> WRITES = Set.of(
            "insert", "update", "delete", "findandmodify", "createindexes", "dropindexes",
            "create", "drop", "dropdatabase", "renamecollection");
    private static final int COMMIT_SECONDS = 2;
    private static final long LARGEST_JOURNAL = 32L * 1024 * 1024;

    private final Object writing = new Object();
    private final Journal journal;
    private final ScheduledExecutorService housekeeping =
            Executors.newSingleThreadScheduledExecutor(DurableBackend::daemon);

    DurableBackend(MVStore store, Journal journal) throws IOException {
        super(store);
        this.journal = journal;
        version(new CurrentVersion());
        EmbeddedChannel nobody = new EmbeddedChannel();
        journal.replay(store.getStoreVersion(), record -> carryOutAgain(nobody, record));
        commit();
        housekeeping.scheduleWithFixedDelay(this::commitIfNeeded, COMMIT_SECONDS, COMMIT_SECONDS, TimeUnit.SECONDS);
    }

    @Override
    public Document handleCommand(Channel channel, String database, String command, Document query) {
        if (!WRITES.contains(command.toLowerCase())) {
            return super.handleCommand(channel, database, command, query);
        }
        synchronized (writing) {
            if (journal.size() > LARGEST_JOURNAL) {
                commit();
            }
            record(database, command, query);
            return super.handleCommand(channel, database, command, query);
        }
    }

    private void record(String database, String command, Document query) {
        try {
            journal.append(new Document("database", database).append("command", command).append("query", query));
        } catch (IOException cause) {
            throw new UncheckedIOException("the write cannot be kept", cause);
        }
    }

    private void carryOutAgain(Channel nobody, Document record) {
        try {
            super.handleCommand(nobody, (String) record.get("database"), (String) record.get("command"),
                    (Document) record.get("query"));
        } catch (RuntimeException refused) {
            log.debug("refused again, as it was the first time", refused);
        }
    }

    /**
     * Brings the store up to date, and begins a new file of the journal.
     *
     * The store's header has to name the newest commit before the next one writes over space that this one freed:
     * a process killed in between would otherwise find only an older state on its way from an older header. H2
     * saves itself most of these header writes; marked as cleanly closed, it has to write this one.
     */
    @Override
    public void commit() {
        synchronized (writing) {
            MVStore store = getMvStore();
            try {
                int next = journal.begin();
                store.setStoreVersion(next);
                store.getStoreHeader().put("clean", 1);
                super.commit();
                // Only here, where the store holds just what the commit says: compacting commits as well.
                store.compact(50, 4 * 1024 * 1024);
                journal.forgetBefore(next);
            } catch (IOException cause) {
                throw new UncheckedIOException("the journal cannot be continued", cause);
            }
        }
    }

    private void commitIfNeeded() {
        try {
            synchronized (writing) {
                if (journal.size() > 0 && !getMvStore().isClosed()) {
                    commit();
                }
            }
        } catch (RuntimeException cause) {
            log.error("the store could not be brought up to date; the journal keeps every write", cause);
        }
    }

    @Override
    public void close() {
        housekeeping.shutdown();
        synchronized (writing) {
            commit();
            super.close();
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
