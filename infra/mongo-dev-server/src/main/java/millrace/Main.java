package millrace;

import de.bwaldvogel.mongo.MongoServer;
import java.net.InetSocketAddress;
import java.nio.file.Path;

/** Serves MongoDB's protocol from one folder: {@code Main <host> <port> <folder>}. For development and tests only. */
public final class Main {

    public static void main(String[] arguments) throws Exception {
        String host = arguments[0];
        int port = Integer.parseInt(arguments[1]);
        JournaledBackend backend = new JournaledBackend(new Journal(Path.of(arguments[2])));
        MongoServer server = new MongoServer(backend);
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
        try {
            server.bind(new InetSocketAddress(host, port));
        } catch (RuntimeException refused) {
            System.err.println("cannot listen on " + host + ":" + port + ": " + refused.getMessage());
            System.exit(98); // EADDRINUSE's number: whoever started us may try another port
        }
        System.out.println("listening on " + host + ":" + port);
    }
}
