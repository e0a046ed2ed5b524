package twoway.peers.flink;

import java.util.Map;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import twoway.peers.tally.Interaction;
import twoway.peers.tally.Outcome;

/**
 * The counting job: Kafka, local bundles, one shuffle by account, rows to Redis and the aggregate topics. Arguments:
 * Kafka's servers, topic, Redis' port, number of records in the topic, folder for checkpoints, parallelism. Ends with
 * the topic's end.
 */
public final class Job {
    private static final long CHECKPOINT_MS = 1_000;

    private Job() {}

    public static void main(String[] arguments) throws Exception {
        int redisPort = Integer.parseInt(arguments[2]);
        Outcome.expect(Long.parseLong(arguments[3]));
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.createLocalEnvironment(
                Integer.parseInt(arguments[5]), configuration(arguments[4]));
        environment.enableCheckpointing(CHECKPOINT_MS, CheckpointingMode.EXACTLY_ONCE);
        environment
                .fromSource(source(arguments[0], arguments[1]), WatermarkStrategy.noWatermarks(), "interactions")
                .transform("bundle", Bundle.TYPE, new BundleOperator())
                .keyBy(Bundle::account)
                .process(new CountFunction())
                .sinkTo(new RowSink(redisPort, arguments[0]));
        environment.execute("count");
        Outcome.print();
    }

    private static Configuration configuration(String checkpoints) {
        Configuration configuration = new Configuration();
        configuration.set(PipelineOptions.OBJECT_REUSE, true);
        configuration.set(PipelineOptions.GENERIC_TYPES, false);
        configuration.set(StateBackendOptions.STATE_BACKEND, "hashmap");
        configuration.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
        configuration.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, "file://" + checkpoints);
        configuration.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ZERO);
        return configuration;
    }

    private static KafkaSource<Interaction> source(String servers, String topic) {
        return KafkaSource.<Interaction>builder()
                .setBootstrapServers(servers)
                .setTopics(topic)
                .setGroupId("peer-flink")
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setBounded(OffsetsInitializer.latest())
                .setDeserializer(new InteractionSchema())
                .setProperties(properties(Map.of("max.poll.records", "10000", "fetch.max.wait.ms", "50")))
                .build();
    }

    private static Properties properties(Map<String, String> values) {
        Properties properties = new Properties();
        properties.putAll(values);
        return properties;
    }
}
