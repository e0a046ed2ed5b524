package twoway.peers.tally;

/**
 * What one interaction says of its object, in one number such that the greater statement is true: an add or a remove by
 * its time, of the same time the remove; an edit stands in for a missing add, the earliest first. The rule is ours.
 */
public final class State {
    public static final int LIKE = 0;
    public static final int COMMENT = 1;
    public static final int SHARE = 2;
    public static final int REPLY = 3;
    public static final int POST = 4;
    /** An object that no row counts, such as a like of the brand's own. */
    public static final int UNCOUNTED = 5;
    /** Columns of a row: the classes above but the last. */
    public static final int COLUMNS = 5;
    /** No statement; less than every statement. */
    public static final long NONE = 0;

    private static final long REAL = 1L << 62;
    private static final long REMOVED = 1L << 3;
    private static final long LATEST_MS = (1L << 48) - 1;

    private State() {}

    public static long added(long timeMs, int itsClass) {
        return REAL | timeMs << 4 | itsClass;
    }

    public static long removed(long timeMs, int itsClass) {
        return REAL | timeMs << 4 | REMOVED | itsClass;
    }

    public static long edited(long timeMs, int itsClass) {
        return (LATEST_MS - timeMs) << 4 | itsClass;
    }

    /** The moment at which the statement counts. */
    public static long timeMs(long state) {
        long moment = state >> 4 & LATEST_MS;
        return (state & REAL) == 0 ? LATEST_MS - moment : moment;
    }

    /** The column that counts the object, -1 for none: it was removed, is of no column, or nothing is known. */
    public static int column(long state) {
        int itsClass = (int) (state & 7);
        return state == NONE || (state & REMOVED) != 0 || itsClass == UNCOUNTED ? -1 : itsClass;
    }
}
