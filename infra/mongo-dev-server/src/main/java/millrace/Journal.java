package millrace;

import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.bson.BsonDecoder;
import de.bwaldvogel.mongo.wire.bson.BsonEncoder;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.zip.CRC32;

/**
 * Records in files: {@code <n>.snapshot} holds what led to a state, {@code <n>.journal} what was written after it.
 * A record is its length, its checksum and a BSON document; the first that is not whole ends its file. A written
 * record is with the operating system: killing this process loses none, a power failure may lose the last.
 */
final class Journal {

    private final Path folder;
    private int number;
    private FileChannel file;
    private long size;
    private long snapshotSize;

    /** Opens the folder's newest state; {@link #replay} has to come before the first {@link #append}. */
    Journal(Path folder) throws IOException {
        this.folder = Files.createDirectories(folder);
        this.number = numbers(".snapshot").stream().max(Integer::compare).orElse(0);
    }

    /** Calls back with every record that led to the newest state. */
    void replay(Consumer<Document> record) throws IOException {
        Path snapshot = folder.resolve(number + ".snapshot");
        Path journal = folder.resolve(number + ".journal");
        if (Files.exists(snapshot)) {
            snapshotSize = read(snapshot, record);
        }
        size = Files.exists(journal) ? read(journal, record) : 0;
        file = FileChannel.open(journal, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        file.truncate(size); // half a record would hide those that follow
    }

    /** Whether a new snapshot would be much shorter to read than what there is now. */
    boolean isLong() {
        return size > Math.max(64L * 1024 * 1024, 2 * snapshotSize);
    }

    void append(Document record) throws IOException {
        ByteBuffer bytes = encode(record);
        try {
            for (long at = size; bytes.hasRemaining(); at = size + bytes.position()) {
                file.write(bytes, at);
            }
            size += bytes.limit();
        } catch (IOException full) {
            file.truncate(size);
            throw full;
        }
    }

    /** Keeps these records in place of everything so far. Complete or without effect, whenever the process ends. */
    void snapshot(Stream<Document> records) throws IOException {
        int next = number + 1;
        Path unfinished = folder.resolve("unfinished");
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(unfinished), 1 << 20)) {
            for (Document record : (Iterable<Document>) records::iterator) {
                out.write(encode(record).array());
            }
        }
        FileChannel journal = FileChannel.open(folder.resolve(next + ".journal"), StandardOpenOption.CREATE,
                StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING);
        snapshotSize = Files.size(unfinished);
        Files.move(unfinished, folder.resolve(next + ".snapshot"), StandardCopyOption.ATOMIC_MOVE);
        file.close();
        file = journal;
        size = 0;
        Files.deleteIfExists(folder.resolve(number + ".snapshot"));
        Files.deleteIfExists(folder.resolve(number + ".journal"));
        number = next;
    }

    private static ByteBuffer encode(Document record) {
        ByteBuf body = Unpooled.buffer();
        BsonEncoder.encodeDocument(record, body);
        ByteBuffer bytes = ByteBuffer.allocate(8 + body.readableBytes());
        return bytes.putInt(body.readableBytes()).putInt(checksum(body.nioBuffer())).put(body.nioBuffer()).flip();
    }

    /** Returns how many bytes the whole records take. */
    private static long read(Path path, Consumer<Document> record) throws IOException {
        long whole = 0;
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(Files.newInputStream(path), 1 << 20))) {
            for (;;) {
                int length = in.readInt();
                int checksum = in.readInt();
                byte[] body = length > 0 ? in.readNBytes(length) : new byte[0];
                if (body.length < length || checksum(ByteBuffer.wrap(body)) != checksum) {
                    return whole;
                }
                record.accept(BsonDecoder.decodeBson(Unpooled.wrappedBuffer(body)));
                whole += 8 + length;
            }
        } catch (EOFException end) {
            return whole;
        }
    }

    private static int checksum(ByteBuffer bytes) {
        CRC32 crc = new CRC32();
        crc.update(bytes);
        return (int) crc.getValue();
    }

    private List<Integer> numbers(String ending) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(path -> path.getFileName().toString())
                    .filter(name -> name.endsWith(ending))
                    .map(name -> Integer.valueOf(name.substring(0, name.length() - ending.length())))
                    .toList();
        }
    }
}
