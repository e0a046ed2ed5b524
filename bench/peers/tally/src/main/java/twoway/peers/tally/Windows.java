package twoway.peers.tally;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;

/**
 * Our windows: tumbling, event time, UTC; a minute kept three hours, an hour eight days, a day ninety days, and all
 * time. A row's code is {@code index * 4 + size}; all time is -1.
 */
public final class Windows {
    public static final long ALL = -1;
    /** An event further ahead of its record's time than this is refused. */
    public static final long FUTURE_LIMIT_MS = 600_000;
    public static final int SIZES = 3;

    private static final long[] LENGTH_MS = {60_000, 3_600_000, 86_400_000};
    private static final long[] KEPT_MS = {3 * 3_600_000L, 8 * 86_400_000L, 90 * 86_400_000L};
    private static final String[] NAMES = {"1m", "1h", "1d"};
    private static final String[] PATTERNS = {"'1m:'yyyy-MM-dd'T'HH:mm", "'1h:'yyyy-MM-dd'T'HH", "'1d:'yyyy-MM-dd"};
    private static final DateTimeFormatter[] SHOWN = new DateTimeFormatter[SIZES];
    private static final int REMEMBERED = 4_096;

    static {
        for (int size = 0; size < SIZES; size++) {
            SHOWN[size] = DateTimeFormatter.ofPattern(PATTERNS[size]).withZone(ZoneOffset.UTC);
        }
    }

    private final long[] codes = new long[REMEMBERED];
    private final byte[][] names = new byte[REMEMBERED][];

    /** The row of this size that a moment falls into. */
    public static long code(long timeMs, int size) {
        return Math.floorDiv(timeMs, LENGTH_MS[size]) * 4 + size;
    }

    /** The oldest row of this size that a page keeps whose newest event is at {@code lastMs}. */
    public static long oldestKept(long lastMs, int size) {
        return code(lastMs - KEPT_MS[size], size);
    }

    /** The size of a row's window, such as 1m, or all. */
    public static String size(long code) {
        return code == ALL ? "all" : NAMES[(int) (code & 3)];
    }

    /** When a row's window begins; not for all time. */
    public static long startMs(long code) {
        return (code >> 2) * LENGTH_MS[(int) (code & 3)];
    }

    /** When a row's window ends; not for all time. */
    public static long endMs(long code) {
        return startMs(code) + LENGTH_MS[(int) (code & 3)];
    }

    /** The name of a row's field, remembered: thousands of pages share a minute. One thread only. */
    public byte[] field(long code) {
        int at = (int) code & (REMEMBERED - 1);
        if (names[at] == null || codes[at] != code) {
            codes[at] = code;
            names[at] = name(code).getBytes(StandardCharsets.US_ASCII);
        }
        return names[at];
    }

    private static String name(long code) {
        if (code == ALL) {
            return "all";
        }
        int size = (int) (code & 3);
        return SHOWN[size].format(Instant.ofEpochMilli((code >> 2) * LENGTH_MS[size]));
    }
}
