package twoway.peers.tally;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;

/**
 * How a program says what it did: one line of JSON on standard output, measured by itself from its first record until
 * its last row is in Redis, and from the start of its process. Processor time is the whole process's: compiler and
 * collector are in it. One a process.
 */
public final class Outcome {
    private static final OperatingSystemMXBean SYSTEM =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    private static final AtomicLong COUNTED = new AtomicLong();
    private static final AtomicLong PUBLISHED = new AtomicLong();
    private static final Object LOCK = new Object();

    private static volatile long expected;
    private static volatile Mark first;
    private static volatile Mark half;
    private static volatile Mark last;
    private static volatile Mark published;

    private record Mark(long events, long millis, long nanos, long cpuNanos) {
        static Mark now(long events) {
            return new Mark(events, System.currentTimeMillis(), System.nanoTime(), SYSTEM.getProcessCpuTime());
        }

        String since(Mark other) {
            return String.format(
                    Locale.ROOT,
                    "\"events\":%d,\"seconds\":%.6f,\"cpu_seconds\":%.6f",
                    events,
                    (nanos - other.nanos) / 1e9,
                    (cpuNanos - other.cpuNanos) / 1e9);
        }
    }

    private Outcome() {}

    /** So many records lie in the topic. */
    public static void expect(long events) {
        expected = events;
    }

    /** A record is here. */
    public static void seen() {
        if (first == null) {
            synchronized (LOCK) {
                if (first == null) {
                    first = Mark.now(0);
                }
            }
        }
    }

    /** So many more records are counted. */
    public static void counted(long events) {
        long now = COUNTED.addAndGet(events);
        if (half == null && now * 2 >= expected) {
            synchronized (LOCK) {
                if (half == null) {
                    half = Mark.now(now);
                }
            }
        }
    }

    /** Everything that this thread counted is in Redis; the last call tells the end. */
    public static void written() {
        synchronized (LOCK) {
            last = Mark.now(COUNTED.get());
        }
    }

    /** The rows of so many more records are published too; the last call tells the end. */
    public static void published(long events) {
        PUBLISHED.addAndGet(events);
        synchronized (LOCK) {
            published = Mark.now(COUNTED.get());
        }
    }

    /** Whether the rows of every record are published. */
    public static boolean isPublished() {
        return PUBLISHED.get() >= expected;
    }

    /** Whether every record is counted. */
    public static boolean isComplete() {
        return COUNTED.get() >= expected;
    }

    public static void print() {
        long startMs = ManagementFactory.getRuntimeMXBean().getStartTime();
        System.out.println(String.format(
                Locale.ROOT,
                "%n{%s,\"half\":{%s},\"published\":%s,\"from_start\":{\"seconds\":%.3f,\"cpu_seconds\":%.6f}}",
                last.since(first),
                half.since(first),
                Aggregates.IS_ON ? "{" + published.since(first) + "}" : "null",
                (last.millis - startMs) / 1e3,
                last.cpuNanos / 1e9));
        System.out.flush();
    }
}
