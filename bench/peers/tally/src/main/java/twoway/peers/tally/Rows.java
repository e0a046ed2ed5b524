package twoway.peers.tally;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What a page's changes are in Redis: its touched rows as the arguments of one HSET, the rows that it dropped or that are
 * empty again as those of one HDEL. One thread only.
 */
public final class Rows {
    public static final String ACCOUNT = "peer:account:";
    public static final String POST = "peer:post:";

    private final Windows windows = new Windows();
    private final byte[] text = new byte[12 * State.COLUMNS];
    private final List<byte[]> set = new ArrayList<>();
    private final List<byte[]> delete = new ArrayList<>();
    private long[] codes = new long[64];
    private int[] counted = new int[64 * State.COLUMNS];
    private int size;

    /** Takes the changes of this page; they are in {@link #toSet} and {@link #toDelete} until the next call. */
    public void take(String prefix, String id, Page page) {
        byte[] key = prefix.concat(id).getBytes(StandardCharsets.UTF_8);
        set.clear();
        delete.clear();
        size = 0;
        set.add(key);
        delete.add(key);
        page.takeTouched(this::add);
        for (long code : page.takeRemoved()) {
            delete.add(windows.field(code));
        }
    }

    /** Key, field, value, field, value, ...; null where there is nothing to set. */
    public byte[][] toSet() {
        return set.size() == 1 ? null : set.toArray(new byte[0][]);
    }

    /** Key, field, field, ...; null where there is nothing to delete. */
    public byte[][] toDelete() {
        return delete.size() == 1 ? null : delete.toArray(new byte[0][]);
    }

    /** The codes of the touched rows, for the aggregate topics; empty where these are off. */
    public long[] codes() {
        return Arrays.copyOf(codes, size);
    }

    /** The counts of these rows, one after the other. */
    public int[] counts() {
        return Arrays.copyOf(counted, size * State.COLUMNS);
    }

    private void add(long code, int[] counts, int at) {
        if (Aggregates.IS_ON) {
            keep(code, counts, at);
        }
        int sum = 0;
        int from = text.length;
        for (int column = State.COLUMNS - 1; column >= 0; column--) {
            int left = counts[at + column];
            sum += left;
            do {
                text[--from] = (byte) ('0' + left % 10);
                left /= 10;
            } while (left > 0);
            if (column > 0) {
                text[--from] = ',';
            }
        }
        if (sum == 0 && code != Windows.ALL) {
            delete.add(windows.field(code));
            return;
        }
        set.add(windows.field(code));
        set.add(Arrays.copyOfRange(text, from, text.length));
    }

    private void keep(long code, int[] counts, int at) {
        if (size == codes.length) {
            codes = Arrays.copyOf(codes, size * 2);
            counted = Arrays.copyOf(counted, size * 2 * State.COLUMNS);
        }
        codes[size] = code;
        System.arraycopy(counts, at, counted, size++ * State.COLUMNS, State.COLUMNS);
    }
}
