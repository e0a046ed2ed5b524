package twoway.peers.tally;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import net.jpountz.xxhash.XXHash64;
import net.jpountz.xxhash.XXHashFactory;

/**
 * What counting needs of one record: read in one pass of Jackson's streaming parser, no tree, no object per field. One
 * instance is read into again and again. An id is kept as its 64-bit xxHash, as our worker keeps it.
 */
public final class Interaction {
    private static final JsonFactory JSON =
            JsonFactory.builder().disable(StreamReadFeature.AUTO_CLOSE_SOURCE).build();
    private static final XXHash64 HASH = XXHashFactory.fastestJavaInstance().hash64();

    public String account;
    public String post;
    public long id;
    public long timeMs;
    /** What it says of its object; {@link State#NONE} for a record that counts nowhere. */
    public long state;

    private transient byte[] ascii = new byte[256];

    /** Reads a record's value, UTF-8 JSON, that came at this time. */
    public void read(byte[] value, long timestampMs) throws IOException {
        String kind = null;
        String action = null;
        boolean isOwn = false;
        try (JsonParser parser = JSON.createParser(value)) {
            parser.nextToken();
            for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
                JsonToken token = parser.nextToken();
                switch (name) {
                    case "account" -> account = parser.getText();
                    case "post" -> post = parser.getText();
                    case "id" -> id = hash(parser);
                    case "time_ms" -> timeMs = parser.getLongValue();
                    case "kind" -> kind = parser.getText();
                    case "action" -> action = parser.getText();
                    case "own" -> isOwn = token == JsonToken.VALUE_TRUE;
                    default -> {
                        if (token.isStructStart()) {
                            parser.skipChildren();
                        }
                    }
                }
            }
        }
        int itsClass = classOf(kind, isOwn);
        boolean counts = itsClass >= 0 && timeMs <= timestampMs + Windows.FUTURE_LIMIT_MS;
        state = counts ? stateOf(action, itsClass) : State.NONE;
    }

    private static int classOf(String kind, boolean isOwn) {
        return switch (kind) {
            case "like" -> isOwn ? State.UNCOUNTED : State.LIKE;
            case "comment" -> isOwn ? State.REPLY : State.COMMENT;
            case "share" -> isOwn ? State.UNCOUNTED : State.SHARE;
            case "post" -> State.POST;
            default -> -1;
        };
    }

    private long stateOf(String action, int itsClass) {
        return switch (action) {
            case "add" -> State.added(timeMs, itsClass);
            case "remove" -> State.removed(timeMs, itsClass);
            default -> State.edited(timeMs, itsClass);
        };
    }

    private long hash(JsonParser parser) throws IOException {
        char[] text = parser.getTextCharacters();
        int start = parser.getTextOffset();
        int length = parser.getTextLength();
        if (length > ascii.length) {
            ascii = new byte[length * 2];
        }
        for (int i = 0; i < length; i++) {
            char letter = text[start + i];
            if (letter > 127) {
                byte[] utf8 = new String(text, start, length).getBytes(StandardCharsets.UTF_8);
                return HASH.hash(utf8, 0, utf8.length, 0);
            }
            ascii[i] = (byte) letter;
        }
        return HASH.hash(ascii, 0, length, 0);
    }
}
