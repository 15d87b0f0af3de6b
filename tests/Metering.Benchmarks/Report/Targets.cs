using System.Globalization;

namespace Metering.Benchmarks;

/// <summary>A figure beside its target.</summary>
/// <param name="Name">What is measured.</param>
/// <param name="Target">What is to be reached.</param>
/// <param name="Measured">What was measured; null where it was not.</param>
/// <param name="IsReached">Whether that is enough.</param>
internal sealed record TargetRow(string Name, string Target, string? Measured, bool IsReached);

/// <summary>What the meter is to reach on two processors, everything on, and how far it is.</summary>
internal sealed class Targets(ResultStore results)
{
    /// <summary>Every target whose part was measured, and those of the parts that always are.</summary>
    public IReadOnlyList<TargetRow> Rows()
    {
        var decide = results.Find<MicroResult>("micro-DecideAndEvolve");
        var process = results.Find<MemoryResult>("memory-process");
        List<TargetRow> rows =
        [
            AtMost("decide and evolve a deduction", 200, decide?.Nanoseconds, value => Text($"{value:0} ns ({decide?.AllocatedBytes} B)"), "<= 200 ns"),
            AtLeast("memory store, 64 callers, sustained", 400_000, Load("sustained-memory-64-spread")?.Rate),
            AtMost("memory store, one caller, a call", 4, 1e6 / Load("burst-memory-1-hot")?.Rate, value => Text($"{value:0.00} µs"), "<= 4 µs"),
            .. Loads("sqlite", 256, 250_000, 150_000),
            OneCaller("sqlite", "commit-sqlite-commit"),
            Ratio("sqlite beside Redis, spread, sustained", 4, "sqlite-256-spread", "redis-2048-spread"),
            Ratio("sqlite beside Redis, one hot account, sustained", 4, "sqlite-256-hot", "redis-2048-hot"),
            Ratio("sqlite beside SQL on 16 connections, spread, sustained", 18, "sqlite-256-spread", "pgbench-16-spread"),
            Ratio("sqlite beside SQL on 16 connections, one hot account, sustained", 60, "sqlite-256-hot", "pgbench-16-hot"),
            Http("POST /v1/credits/deduct with a key, beside an empty endpoint", 0.4, "post-deduct-key"),
            Http("GET /v1/credits, beside an empty endpoint", 0.7, "get-credits"),
            AtMost("100,000 active accounts, the whole process", 1e9, process?.Bytes, value => Text($"{value / 1e6:N0} MB"), "<= 1,000 MB"),
        ];
        if (results.All<LoadResult>("sustained-postgres-").Count > 0)
        {
            rows.AddRange(PostgreSqlRows());
        }

        return rows;
    }

    private IEnumerable<TargetRow> PostgreSqlRows() =>
    [
        AtLeast("postgres, 256 callers, spread, sustained", 40_000, Load("sustained-postgres-256-spread")?.Rate),
        AtLeast("postgres, 256 callers, one hot account, sustained", 40_000, Load("sustained-postgres-256-hot")?.Rate),
        AtLeast("postgres, 4,096 callers, spread, sustained", 65_000, Load("sustained-postgres-4096-spread")?.Rate),
        AtLeast("postgres, 4,096 callers, one hot account, sustained", 65_000, Load("sustained-postgres-4096-hot")?.Rate),
        OneCaller("postgres", "commit-postgres-commit"),
        Ratio("postgres beside SQL, 256 in flight, spread, sustained", 5, "postgres-256-spread", "pgbench-256-spread"),
        Ratio("postgres beside SQL, 256 in flight, one hot account, sustained", 20, "postgres-256-hot", "pgbench-256-hot"),
        Ratio("postgres beside Redis, 256 in flight, spread, sustained", 1.3, "postgres-256-spread", "redis-256-spread"),
        Ratio("postgres beside Redis, 256 in flight, one hot account, sustained", 1.3, "postgres-256-hot", "redis-256-hot"),
    ];

    private IEnumerable<TargetRow> Loads(string system, int callers, double burst, double sustained)
    {
        foreach (var (name, load) in new[] { ("spread", "spread"), ("one hot account", "hot") })
        {
            var title = Text($"{system}, {callers} callers, {name}");
            var last = Load($"sustained-{system}-{callers}-{load}");
            yield return AtLeast($"{title}, burst", burst, Load($"burst-{system}-{callers}-{load}")?.Rate);
            yield return AtLeast($"{title}, sustained", sustained, last?.Rate);
            yield return AtMost($"{title}, sustained, p50", 2, last?.Figure.Latency.P50, Milliseconds, "<= 2 ms");
            yield return AtMost($"{title}, sustained, p99", 20, last?.Figure.Latency.P99, Milliseconds, "<= 20 ms");
        }
    }

    private TargetRow OneCaller(string system, string commit)
    {
        var (ours, bare) = (Load($"burst-{system}-1-hot")?.Figure.Latency.P50, results.Find<CommitResult>(commit)?.Latency.P50);
        return AtMost($"{system}, one caller, p50 beside a bare commit", 2, ours / bare, value => Text($"{value:0.00}x ({ours:0.000} ms, {bare:0.000} ms)"), "<= 2x");
    }

    private TargetRow Ratio(string name, double target, string ours, string theirs)
    {
        var (mine, peer) = (Load($"sustained-{ours}")?.Rate, Load($"sustained-{theirs}")?.Rate);
        return AtLeast(name, target, mine / peer, value => Text($"{value:0.0}x ({mine:N0}/s, {peer:N0}/s)"), Text($">= {target:0.#}x"));
    }

    private TargetRow Http(string name, double target, string call)
    {
        var figures = results.Find<HttpResult>("http")?.Figures;
        var (ours, empty) = (figures?.GetValueOrDefault(call)?.RatePerSecond, figures?.GetValueOrDefault(HttpCall.Named(call).Baseline!)?.RatePerSecond);
        return AtLeast(name, target, ours / empty, value => Text($"{value * 100:0} % ({ours:N0}/s, {empty:N0}/s)"), Text($">= {target * 100:0} %"));
    }

    private LoadResult? Load(string name) => results.Find<LoadResult>(name);

    private static TargetRow AtLeast(string name, double target, double? value, Func<double, string>? text = null, string? wanted = null) =>
        new(name, wanted ?? Text($">= {target:N0}/s"), value is { } measured ? (text ?? Rate)(measured) : null, value >= target);

    private static TargetRow AtMost(string name, double target, double? value, Func<double, string> text, string wanted) =>
        new(name, wanted, value is { } measured ? text(measured) : null, value <= target);

    private static string Rate(double value) => Text($"{value:N0}/s");

    private static string Milliseconds(double value) => Text($"{value:0.00} ms");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
