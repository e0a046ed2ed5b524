package twoway.peers.flink;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple5;

/**
 * Interactions of one account on their way through the shuffle: the account, its posts, and of each interaction the
 * post's place among these, its id and its state. A tuple of arrays: Flink's own serializers take it.
 */
final class Bundle {
    static final TypeInformation<Tuple5<String, String[], int[], long[], long[]>> TYPE = Types.TUPLE(
            Types.STRING,
            Types.OBJECT_ARRAY(Types.STRING),
            PrimitiveArrayTypeInfo.INT_PRIMITIVE_ARRAY_TYPE_INFO,
            PrimitiveArrayTypeInfo.LONG_PRIMITIVE_ARRAY_TYPE_INFO,
            PrimitiveArrayTypeInfo.LONG_PRIMITIVE_ARRAY_TYPE_INFO);

    private final String account;
    private final Map<String, Integer> posts = new HashMap<>();
    private int[] post = new int[8];
    private long[] id = new long[8];
    private long[] state = new long[8];
    private int size;

    Bundle(String account) {
        this.account = account;
    }

    static String account(Tuple5<String, String[], int[], long[], long[]> bundle) {
        return bundle.f0;
    }

    void add(String itsPost, long itsId, long itsState) {
        if (size == post.length) {
            grow();
        }
        Integer place = posts.get(itsPost);
        if (place == null) {
            place = posts.size();
            posts.put(itsPost, place);
        }
        post[size] = place;
        id[size] = itsId;
        state[size++] = itsState;
    }

    Tuple5<String, String[], int[], long[], long[]> toTuple() {
        String[] names = new String[posts.size()];
        posts.forEach((name, place) -> names[place] = name);
        return Tuple5.of(
                account,
                names,
                Arrays.copyOf(post, size),
                Arrays.copyOf(id, size),
                Arrays.copyOf(state, size));
    }

    private void grow() {
        post = Arrays.copyOf(post, size * 2);
        id = Arrays.copyOf(id, size * 2);
        state = Arrays.copyOf(state, size * 2);
    }
}
