package twoway.peers.streams;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import twoway.peers.tally.Page;
import twoway.peers.tally.State;
import twoway.peers.tally.Windows;

/**
 * The form of accounts in the store's changelog. A record is either a part of what was said of an account's objects, or a
 * chapter of a page: an hour with its minutes, or the days with all time. So a commit writes two records for a cold
 * page's event, not one for each of its rows, and never all of a page that has grown large.
 */
final class Saved {
    private static final byte SAID = 's';
    private static final byte CHAPTER = 'c';
    private static final long DAYS = -1;
    private static final int MINUTES = 60;
    /**
     * Numbers of a record at most, two an object: 256 KiB. A large account says more than that between two commits, and
     * one record above the producer's max.request.size (1 MiB) aborts the whole transaction.
     */
    private static final int SAID_AT_ONCE = 32_768;
    /** A row at its longest: six numbers of at most five, a code of at most ten bytes. */
    private static final int ROW_BYTES = 10 + State.COLUMNS * 5;

    /** Takes one record of the changelog. */
    @FunctionalInterface
    interface Writer {
        void write(byte[] key, byte[] value);
    }

    private Saved() {}

    /** What was said of the account's objects since the last time, in as many records as it needs. */
    static void writeSaid(AccountStore.Held held, Writer writer) {
        for (int from = 0; from < held.saidSize; from += SAID_AT_ONCE) {
            int size = Math.min(SAID_AT_ONCE, held.saidSize - from);
            ByteBuffer value = ByteBuffer.allocate(size * Long.BYTES);
            value.asLongBuffer().put(held.said, from, size);
            writer.write(key(SAID, held.id, "", held.parts++), value.array());
        }
        held.saidSize = 0;
    }

    /** The chapters of which rows were touched; rows stay touched. An account's own page has an empty post. */
    static void writePage(String account, String post, Page page, Writer writer) {
        Map<Long, ByteBuffer> chapters = new LinkedHashMap<>();
        page.touched(code -> chapters.putIfAbsent(chapter(code), null));
        page.rows((code, counts, at) -> {
            long chapter = chapter(code);
            if (chapters.containsKey(chapter)) {
                ByteBuffer value = withRoom(chapters.get(chapter), page.lastMs());
                chapters.put(chapter, value);
                putVarLong(value, code - firstCode(chapter));
                for (int column = 0; column < State.COLUMNS; column++) {
                    putVarLong(value, counts[at + column]);
                }
            }
        });
        chapters.forEach((chapter, value) -> {
            byte[] bytes = new byte[value.position()];
            value.flip().get(bytes);
            writer.write(key(CHAPTER, account, post, chapter), bytes);
        });
    }

    /** Reads one record back into its account. */
    static void read(byte[] key, byte[] value, Function<String, AccountStore.Held> accounts) {
        ByteBuffer name = ByteBuffer.wrap(key);
        byte what = name.get();
        AccountStore.Held held = accounts.apply(getText(name));
        String post = getText(name);
        long number = name.getLong();
        ByteBuffer bytes = ByteBuffer.wrap(value);
        if (what == SAID) {
            held.parts = Math.max(held.parts, (int) number + 1);
            while (bytes.hasRemaining()) {
                held.account.members.take(bytes.getLong(), bytes.getLong());
            }
        } else {
            readChapter(post.isEmpty() ? held.account.page : held.account.post(post), number, bytes);
        }
    }

    private static void readChapter(Page page, long chapter, ByteBuffer bytes) {
        page.setLastMs(Math.max(page.lastMs(), bytes.getLong()));
        int[] counts = new int[State.COLUMNS];
        while (bytes.hasRemaining()) {
            long code = getVarLong(bytes) + firstCode(chapter);
            for (int column = 0; column < State.COLUMNS; column++) {
                counts[column] = (int) getVarLong(bytes);
            }
            page.set(code, counts);
        }
    }

    private static long chapter(long code) {
        if (code == Windows.ALL) {
            return DAYS;
        }
        return switch ((int) (code & 3)) {
            case 0 -> (code >> 2) / MINUTES;
            case 1 -> code >> 2;
            default -> DAYS;
        };
    }

    /** No code of the chapter is less. */
    private static long firstCode(long chapter) {
        return chapter == DAYS ? Windows.ALL : chapter * 4;
    }

    private static ByteBuffer withRoom(ByteBuffer value, long lastMs) {
        if (value == null) {
            return ByteBuffer.allocate(4 * ROW_BYTES).putLong(lastMs);
        }
        return value.remaining() >= ROW_BYTES
                ? value
                : ByteBuffer.allocate(value.capacity() * 2).put(value.flip());
    }

    private static byte[] key(byte what, String account, String post, long number) {
        byte[] itsAccount = account.getBytes(StandardCharsets.UTF_8);
        byte[] itsPost = post.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(1 + 2 * Short.BYTES + itsAccount.length + itsPost.length + Long.BYTES)
                .put(what)
                .putShort((short) itsAccount.length)
                .put(itsAccount)
                .putShort((short) itsPost.length)
                .put(itsPost)
                .putLong(number)
                .array();
    }

    private static String getText(ByteBuffer from) {
        byte[] text = new byte[from.getShort()];
        from.get(text);
        return new String(text, StandardCharsets.UTF_8);
    }

    private static void putVarLong(ByteBuffer to, long number) {
        long left = number;
        while (left > 127) {
            to.put((byte) (left & 127 | 128));
            left >>>= 7;
        }
        to.put((byte) left);
    }

    private static long getVarLong(ByteBuffer from) {
        long number = 0;
        for (int shift = 0; ; shift += 7) {
            byte part = from.get();
            number |= (long) (part & 127) << shift;
            if (part >= 0) {
                return number;
            }
        }
    }
}
