package millrace;

import de.bwaldvogel.mongo.MongoServer;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import org.h2.mvstore.MVStore;

/** Serves MongoDB's protocol from one file: {@code Main <host> <port> <file>}. For development and tests only. */
public final class Main {

    public static void main(String[] arguments) throws Exception {
        String host = arguments[0];
        int port = Integer.parseInt(arguments[1]);
        Path file = Path.of(arguments[2]);
        Files.createDirectories(file.toAbsolutePath().getParent());

        Journal journal = new Journal(file.resolveSibling(file.getFileName() + ".journal"));
        DurableBackend backend = new DurableBackend(open(file), journal);
        MongoServer server = new MongoServer(backend);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            server.shutdownNow();
            backend.close();
        }));
        try {
            server.bind(new InetSocketAddress(host, port));
        } catch (RuntimeException refused) {
            System.err.println("cannot listen on " + host + ":" + port + ": " + refused.getMessage());
            System.exit(98); // EADDRINUSE's number: whoever started us may try another port
        }
        System.out.println("listening on " + host + ":" + port);
    }

    /**
     * Old versions of a page are of no use to us, and keeping them for the default 45 s lets the file grow a
     * hundredfold. No commits but our own, in the background or when much is unsaved: the journal would not know
     * of them.
     */
    private static MVStore open(Path file) {
        MVStore store = new MVStore.Builder()
                .fileName(file.toString())
                .autoCommitDisabled()
                .autoCommitBufferSize(0)
                .open();
        store.setRetentionTime(0);
        store.setVersionsToKeep(0);
        return store;
    }
}
