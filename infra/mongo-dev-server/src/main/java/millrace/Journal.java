package millrace;

import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.bson.BsonDecoder;
import de.bwaldvogel.mongo.wire.bson.BsonEncoder;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.zip.CRC32;

/**
 * Commands in the order in which they were carried out, in numbered files. A command is handed to the operating
 * system before it is carried out, so that killing this process loses none; a power failure may lose the last.
 * A record is its length, its checksum and a BSON document; the first that is not whole ends the replay.
 */
final class Journal {

    private static final int RECORD_HEADER = 8;
    /** Should the store have to fall back to an earlier state, what led on from there is still here. */
    private static final int KEPT = 2;

    private final Path folder;
    private int number;
    private FileChannel file;
    private long size;

    Journal(Path folder) throws IOException {
        this.folder = Files.createDirectories(folder);
        this.number = numbers().stream().max(Integer::compare).orElse(0);
    }

    /** Bytes since the present file was begun. */
    long size() {
        return size;
    }

    /** From now on records go to a file of their own; returns its number, higher than any before. */
    int begin() throws IOException {
        FileChannel next = FileChannel.open(at(number + 1), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        if (file != null) {
            file.close();
        }
        file = next;
        size = 0;
        return ++number;
    }

    /** Everything before this number is in the store itself. */
    void forgetBefore(int number) throws IOException {
        for (int old : numbers()) {
            if (old < number - KEPT) {
                Files.delete(at(old));
            }
        }
    }

    void append(Document record) throws IOException {
        ByteBuf body = Unpooled.buffer();
        BsonEncoder.encodeDocument(record, body);
        ByteBuffer bytes = ByteBuffer.allocate(RECORD_HEADER + body.readableBytes());
        bytes.putInt(body.readableBytes()).putInt(checksum(body.nioBuffer())).put(body.nioBuffer()).flip();
        try {
            while (bytes.hasRemaining()) {
                file.write(bytes, size + bytes.position());
            }
            size += bytes.limit();
        } catch (IOException full) {
            file.truncate(size); // half a record would end a replay before those that follow
            throw full;
        }
    }

    /** Calls back with every record from the file of this number on. */
    void replay(int from, Consumer<Document> command) throws IOException {
        for (int number : numbers()) {
            if (number >= from) {
                ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(at(number)));
                for (Document record = next(bytes); record != null; record = next(bytes)) {
                    command.accept(record);
                }
            }
        }
    }

    private static Document next(ByteBuffer bytes) {
        if (bytes.remaining() < RECORD_HEADER) {
            return null;
        }
        int length = bytes.getInt();
        int checksum = bytes.getInt();
        if (length <= 0 || length > bytes.remaining()) {
            return null;
        }
        ByteBuffer body = bytes.slice().limit(length);
        bytes.position(bytes.position() + length);
        return checksum(body.duplicate()) == checksum ? BsonDecoder.decodeBson(Unpooled.wrappedBuffer(body)) : null;
    }

    private static int checksum(ByteBuffer bytes) {
        CRC32 crc = new CRC32();
        crc.update(bytes);
        return (int) crc.getValue();
    }

    private List<Integer> numbers() throws IOException {
        List<Integer> numbers = new ArrayList<>();
        try (Stream<Path> files = Files.list(folder)) {
            files.forEach(path -> numbers.add(Integer.parseInt(path.getFileName().toString())));
        }
        numbers.sort(null);
        return numbers;
    }

    private Path at(int number) {
        return folder.resolve(Integer.toString(number));
    }
}
