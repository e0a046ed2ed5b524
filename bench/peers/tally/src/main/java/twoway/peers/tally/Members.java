package twoway.peers.tally;

/** The objects of an account: 64-bit hash of the id to {@link State}, in two arrays; nothing for the collector to follow. */
public final class Members {
    private long[] ids;
    private long[] states;
    private int size;

    public Members() {
        ids = new long[16];
        states = new long[16];
    }

    private Members(Members other) {
        ids = other.ids.clone();
        states = other.states.clone();
        size = other.size;
    }

    /** Told of one object. */
    @FunctionalInterface
    public interface MemberReader {
        void member(long id, long state);
    }

    public Members copy() {
        return new Members(this);
    }

    public int size() {
        return size;
    }

    /** Takes a statement; gives the one that held before if this one replaces it, else this one itself. */
    public long take(long id, long state) {
        long key = id == 0 ? 1 : id; // 0 is a free place
        int at = slot(key);
        long before = states[at];
        if (state <= before) {
            return state;
        }
        states[at] = state;
        if (before == State.NONE) {
            ids[at] = key;
            if (++size * 3L > ids.length * 2L) {
                grow();
            }
        }
        return before;
    }

    /** Every object, in no order. */
    public void forEach(MemberReader reader) {
        for (int at = 0; at < ids.length; at++) {
            if (ids[at] != 0) {
                reader.member(ids[at], states[at]);
            }
        }
    }

    private int slot(long id) {
        int mask = ids.length - 1;
        int at = (int) id & mask; // an xxHash is spread evenly already
        while (ids[at] != id && ids[at] != 0) {
            at = (at + 1) & mask;
        }
        return at;
    }

    private void grow() {
        long[] idsBefore = ids;
        long[] statesBefore = states;
        ids = new long[idsBefore.length * 2];
        states = new long[ids.length];
        for (int from = 0; from < idsBefore.length; from++) {
            if (idsBefore[from] != 0) {
                int at = slot(idsBefore[from]);
                ids[at] = idsBefore[from];
                states[at] = statesBefore[from];
            }
        }
    }
}
