package twoway.peers.tally;

import java.util.Arrays;
import java.util.function.LongConsumer;

/**
 * The rows of one post or account: counts by window code, in flat arrays. It knows which rows were
 * touched since they were last taken, and drops rows past their window's retention.
 */
public final class Page {
    private static final long FREE = Long.MIN_VALUE;

    private long[] codes;
    private int[] counts;
    private boolean[] isTouched;
    private int size;
    private long lastMs = Long.MIN_VALUE;
    private long[] touched = new long[8];
    private int touchedSize;
    private long[] removed = {};

    /** Told of one row as it now is: its counts are the {@link State#COLUMNS} from {@code at}, good during the call. */
    @FunctionalInterface
    public interface RowReader {
        void row(long code, int[] counts, int at);
    }

    public Page() {
        allocate(8);
    }

    private Page(Page other) {
        codes = other.codes.clone();
        counts = other.counts.clone();
        isTouched = other.isTouched.clone();
        size = other.size;
        lastMs = other.lastMs;
        touched = other.touched.clone();
        touchedSize = other.touchedSize;
        removed = other.removed;
    }

    public Page copy() {
        return new Page(this);
    }

    public int size() {
        return size;
    }

    public long lastMs() {
        return lastMs;
    }

    /** Something was said of the page: from now on it has at least the row of all time. */
    public void touch() {
        change(Windows.ALL, 0, 0);
    }

    /** Adds to the rows that this moment falls into. */
    public void count(long timeMs, int column, int change) {
        if (timeMs > lastMs) {
            advance(timeMs);
        }
        for (int window = 0; window < Windows.SIZES; window++) {
            long code = Windows.code(timeMs, window);
            if (code >= Windows.oldestKept(lastMs, window)) {
                change(code, column, change);
            }
        }
        change(Windows.ALL, column, change);
    }

    /** Sets a row, as when it is read back; it is not touched by that. */
    public void set(long code, int[] itsCounts) {
        System.arraycopy(itsCounts, 0, counts, find(code) * State.COLUMNS, State.COLUMNS);
    }

    /** The newest event's time, as when it is read back. */
    public void setLastMs(long timeMs) {
        lastMs = timeMs;
    }

    /** Every row. */
    public void rows(RowReader reader) {
        for (int at = 0; at < codes.length; at++) {
            if (codes[at] != FREE) {
                give(at, reader);
            }
        }
    }

    /** The codes of the rows that were touched since they were taken. */
    public void touched(LongConsumer reader) {
        for (int i = 0; i < touchedSize; i++) {
            reader.accept(touched[i]);
        }
    }

    /** Every row that was touched since; from now on they are not. */
    public void takeTouched(RowReader reader) {
        for (int i = 0; i < touchedSize; i++) {
            int at = slot(touched[i]);
            if (codes[at] == touched[i]) { // else it was dropped since
                isTouched[at] = false;
                give(at, reader);
            }
        }
        touchedSize = 0;
    }

    /** The codes of rows that were dropped since, to be deleted. */
    public long[] takeRemoved() {
        long[] codesRemoved = removed;
        removed = new long[0];
        return codesRemoved;
    }

    private void give(int at, RowReader reader) {
        reader.row(codes[at], counts, at * State.COLUMNS);
    }

    private void change(long code, int column, int change) {
        int at = find(code);
        counts[at * State.COLUMNS + column] += change;
        if (!isTouched[at]) {
            isTouched[at] = true;
            if (touchedSize == touched.length) {
                touched = Arrays.copyOf(touched, touchedSize * 2);
            }
            touched[touchedSize++] = code;
        }
    }

    private void advance(long timeMs) {
        long before = lastMs;
        lastMs = timeMs;
        if (before == Long.MIN_VALUE || Windows.code(before, 0) == Windows.code(timeMs, 0)) {
            return;
        }
        int past = 0;
        for (long code : codes) {
            past += isPast(code) ? 1 : 0;
        }
        if (past > 0) {
            drop(past);
        }
    }

    private boolean isPast(long code) {
        return code != FREE && code != Windows.ALL && code < Windows.oldestKept(lastMs, (int) (code & 3));
    }

    private void drop(int past) {
        long[] codesBefore = codes;
        int[] countsBefore = counts;
        boolean[] touchedBefore = isTouched;
        int next = removed.length;
        removed = Arrays.copyOf(removed, next + past);
        allocate(codes.length);
        size = 0;
        for (int from = 0; from < codesBefore.length; from++) {
            if (isPast(codesBefore[from])) {
                removed[next++] = codesBefore[from];
            } else if (codesBefore[from] != FREE) {
                move(codesBefore, countsBefore, touchedBefore, from);
            }
        }
    }

    private void allocate(int length) {
        codes = new long[length];
        Arrays.fill(codes, FREE);
        counts = new int[length * State.COLUMNS];
        isTouched = new boolean[length];
    }

    private void move(long[] codesBefore, int[] countsBefore, boolean[] touchedBefore, int from) {
        int at = slot(codesBefore[from]);
        codes[at] = codesBefore[from];
        System.arraycopy(countsBefore, from * State.COLUMNS, counts, at * State.COLUMNS, State.COLUMNS);
        isTouched[at] = touchedBefore[from];
        size++;
    }

    /** Where the row is, made if it is new. */
    private int find(long code) {
        int at = slot(code);
        if (codes[at] == code) {
            return at;
        }
        codes[at] = code;
        if (++size * 4 <= codes.length * 3) {
            return at;
        }
        long[] codesBefore = codes;
        int[] countsBefore = counts;
        boolean[] touchedBefore = isTouched;
        allocate(codes.length * 2);
        size = 0;
        for (int from = 0; from < codesBefore.length; from++) {
            if (codesBefore[from] != FREE) {
                move(codesBefore, countsBefore, touchedBefore, from);
            }
        }
        return slot(code);
    }

    private int slot(long code) {
        int mask = codes.length - 1;
        int at = (int) ((code * 0x9E3779B97F4A7C15L) >>> 40) & mask;
        while (codes[at] != code && codes[at] != FREE) {
            at = (at + 1) & mask;
        }
        return at;
    }
}
