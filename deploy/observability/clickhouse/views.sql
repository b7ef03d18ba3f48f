-- The views and functions that the dashboards query. It can be run again at any time, and replaces them.
--
-- `at` is the time of a point, `instance` the process that sent it (its id is new at each start), and
-- `labels` are the labels of the metric. Call a view with the name of the metric and a time range:
--
--   SELECT sum(increase) FROM otel.counter_increases(
--       metric = 'vault_auth_decisions_total', from = now() - INTERVAL 1 HOUR, to = now())

-- The values of a gauge.
CREATE OR REPLACE VIEW otel.gauge_values AS
SELECT
    TimeUnix AS at,
    ResourceAttributes['service.instance.id'] AS instance,
    Attributes AS labels,
    Value AS value
FROM otel.otel_metrics_gauge
WHERE ServiceName = 'vault-auth-validator'
    AND MetricName = {metric:String}
    AND TimeUnix >= {from:DateTime}
    AND TimeUnix <= {to:DateTime};

-- The increases of a counter, each since the previous point of its series.
--
-- A series is one set of labels of one run of one process; StartTimeUnix is when the run began. Its
-- first point counts as a whole, since a counter begins at 0: series appear when they are first needed.
-- The exceptions are the first ten minutes of the data that is kept, for processes that are older than
-- ten minutes then: the first increases of those are not known and count as 0. The point before the range
-- is found if it is at most a day older. A
-- value below the previous one counts as a whole, too: the process started again under the same id.
CREATE OR REPLACE VIEW otel.counter_increases AS
WITH (SELECT min(TimeUnix) FROM otel.otel_metrics_sum) AS oldest
SELECT
    at,
    instance,
    labels,
    multiIf(
        number > 1 AND value >= previous, value - previous,
        number > 1 OR start > oldest - INTERVAL 10 MINUTE OR at > oldest + INTERVAL 10 MINUTE, value,
        0) AS increase
FROM
(
    SELECT
        TimeUnix AS at,
        ResourceAttributes['service.instance.id'] AS instance,
        Attributes AS labels,
        StartTimeUnix AS start,
        Value AS value,
        lagInFrame(Value) OVER series AS previous,
        row_number() OVER series AS number
    FROM otel.otel_metrics_sum
    WHERE ServiceName = 'vault-auth-validator'
        AND MetricName = {metric:String}
        AND TimeUnix >= {from:DateTime} - INTERVAL 1 DAY
        AND TimeUnix <= {to:DateTime}
    WINDOW series AS (PARTITION BY instance, labels, start ORDER BY at)
)
WHERE at >= {from:DateTime};

-- The increases of a histogram, by the same rules: `counts` per bucket, not accumulated, and one more
-- than `bounds`, which are the upper bounds; `total` is the increase of the sum of all values.
CREATE OR REPLACE VIEW otel.histogram_increases AS
WITH (SELECT min(TimeUnix) FROM otel.otel_metrics_histogram) AS oldest
SELECT
    at,
    instance,
    labels,
    bounds,
    multiIf(
        number > 1 AND buckets_count >= previous_count, arrayMap((a, b) -> a - b, buckets, previous),
        number > 1 OR start > oldest - INTERVAL 10 MINUTE OR at > oldest + INTERVAL 10 MINUTE, buckets,
        arrayMap(a -> 0, buckets)) AS counts,
    multiIf(
        number > 1 AND buckets_count >= previous_count, sum - previous_sum,
        number > 1 OR start > oldest - INTERVAL 10 MINUTE OR at > oldest + INTERVAL 10 MINUTE, sum,
        0) AS total
FROM
(
    SELECT
        TimeUnix AS at,
        ResourceAttributes['service.instance.id'] AS instance,
        Attributes AS labels,
        StartTimeUnix AS start,
        ExplicitBounds AS bounds,
        CAST(BucketCounts, 'Array(Int64)') AS buckets,
        Count AS buckets_count,
        Sum AS sum,
        lagInFrame(buckets) OVER series AS previous,
        lagInFrame(Count) OVER series AS previous_count,
        lagInFrame(Sum) OVER series AS previous_sum,
        row_number() OVER series AS number
    FROM otel.otel_metrics_histogram
    WHERE ServiceName = 'vault-auth-validator'
        AND MetricName = {metric:String}
        AND TimeUnix >= {from:DateTime} - INTERVAL 1 DAY
        AND TimeUnix <= {to:DateTime}
    WINDOW series AS (PARTITION BY instance, labels, start ORDER BY at)
)
WHERE at >= {from:DateTime};

-- The requests that were refused, from the log. The validator limits the lines per second, so these are
-- examples, not all of them: count with `vault_auth_decisions_total`.
CREATE OR REPLACE VIEW otel.refusals AS
SELECT
    Timestamp AS at,
    ResourceAttributes['service.instance.id'] AS instance,
    LogAttributes['code'] AS code,
    LogAttributes['host'] AS host,
    LogAttributes['method'] AS method,
    LogAttributes['path'] AS path,
    LogAttributes['client'] AS client,
    LogAttributes['tenant'] AS tenant,
    LogAttributes['entity_id'] AS entity_id,
    LogAttributes['request_id'] AS request_id,
    TraceId AS trace_id
FROM otel.otel_logs
WHERE ServiceName = 'vault-auth-validator'
    AND Body = 'refused'
    AND TimestampTime >= {from:DateTime}
    AND TimestampTime <= {to:DateTime};

-- The index of the bucket with the quantile `q` (0 to 1) of a histogram; 0 if it is empty.
CREATE OR REPLACE FUNCTION histogram_bucket AS (q, counts) ->
    arrayFirstIndex(below -> below > 0 AND below >= q * arraySum(counts), arrayCumSum(counts));

-- The quantile `q` (0 to 1) of a histogram, interpolated linearly within its bucket. NULL if the
-- histogram is empty. Values above the last bound count as that bound.
CREATE OR REPLACE FUNCTION histogram_quantile AS (q, counts, bounds) -> multiIf(
    histogram_bucket(q, counts) = 0, NULL,
    histogram_bucket(q, counts) > length(bounds), bounds[-1],
    (bounds[histogram_bucket(q, counts) - 1])
        + (bounds[histogram_bucket(q, counts)] - bounds[histogram_bucket(q, counts) - 1])
        * (q * arraySum(counts) - arraySum(arraySlice(counts, 1, histogram_bucket(q, counts) - 1)))
        / counts[histogram_bucket(q, counts)]);
