package millrace;

import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.Document;
import io.netty.channel.Channel;
import io.netty.channel.embedded.EmbeddedChannel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Documents in memory, every write in a journal before it is carried out and acknowledged: killing this process
 * loses none. Writes go one at a time, so that a replay of the journal leads to the same state again. (Ids that a
 * server makes up would differ; drivers make their own.)
 */
final class JournaledBackend extends MemoryBackend {

    private static final Logger log = LoggerFactory.getLogger(JournaledBackend.class);
    private static final Set<String> WRITES = Set.of(
            "insert", "update", "delete", "findandmodify", "createindexes", "dropindexes",
            "create", "drop", "dropdatabase", "renamecollection");
    private static final int DOCUMENTS_A_RECORD = 50;

    private final Object writing = new Object();
    private final Channel nobody = new EmbeddedChannel();
    private final Journal journal;

    JournaledBackend(Journal journal) throws IOException {
        this.journal = journal;
        version(new CurrentVersion());
        journal.replay(this::carryOutAgain);
        journal.snapshot(state());
    }

    @Override
    public Document handleCommand(Channel channel, String database, String command, Document query) {
        if (!WRITES.contains(command.toLowerCase())) {
            return super.handleCommand(channel, database, command, query);
        }
        synchronized (writing) {
            try {
                if (journal.isLong()) {
                    journal.snapshot(state());
                }
                journal.append(record(database, command, query));
            } catch (IOException cause) {
                throw new UncheckedIOException("the write cannot be kept", cause);
            }
            return super.handleCommand(channel, database, command, query);
        }
    }

    private static Document record(String database, String command, Document query) {
        return new Document("database", database).append("command", command).append("query", query);
    }

    private void carryOutAgain(Document record) {
        try {
            super.handleCommand(nobody, (String) record.get("database"), (String) record.get("command"),
                    (Document) record.get("query"));
        } catch (RuntimeException refused) {
            log.debug("refused again, as it was the first time", refused);
        }
    }

    /** Commands that make everything there is. */
    private Stream<Document> state() {
        return listDatabaseNames().stream().flatMap(database ->
                batch(database, "listCollections", new Document("listCollections", 1)).stream()
                        .map(collection -> (String) collection.get("name"))
                        .filter(name -> !name.startsWith("system."))
                        .flatMap(name -> Stream.concat(indexes(database, name), documents(database, name))));
    }

    private Stream<Document> indexes(String database, String collection) {
        Collection<Document> indexes = batch(database, "listIndexes", new Document("listIndexes", collection));
        Document command = new Document("createIndexes", collection).append("indexes", new ArrayList<>(indexes));
        return indexes.isEmpty() ? Stream.empty() : Stream.of(record(database, "createIndexes", command));
    }

    private Stream<Document> documents(String database, String collection) {
        Document everything = new Document("find", collection).append("batchSize", Integer.MAX_VALUE);
        List<Document> all = new ArrayList<>(batch(database, "find", everything));
        return Stream.iterate(0, at -> at < all.size(), at -> at + DOCUMENTS_A_RECORD).map(at -> {
            List<Document> some = all.subList(at, Math.min(all.size(), at + DOCUMENTS_A_RECORD));
            Document command = new Document("insert", collection).append("documents", new ArrayList<>(some));
            return record(database, "insert", command);
        });
    }

    @SuppressWarnings("unchecked")
    private Collection<Document> batch(String database, String command, Document query) {
        Document reply = super.handleCommand(nobody, database, command, query.append("$db", database));
        return (Collection<Document>) ((Document) reply.get("cursor")).get("firstBatch");
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
