using System.Diagnostics;
using Metering.Engine;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Benchmarks;

/// <summary>What entering resets of accounts that nobody calls costs, and what callers notice of it.</summary>
/// <param name="Accounts">Accounts that fell due.</param>
/// <param name="Seconds">How long their entering took.</param>
/// <param name="ProcessorSeconds">What the process used meanwhile, its callers included.</param>
/// <param name="PeakMegabytes">The managed heap at its largest, as seen every second.</param>
/// <param name="Alone">A caller's latency before: median, 99th percentile.</param>
/// <param name="Beside">The same meanwhile.</param>
internal sealed record DueResult(long Accounts, double Seconds, double ProcessorSeconds, double PeakMegabytes, DueLatency Alone, DueLatency Beside);

/// <summary>What callers noticed.</summary>
internal sealed record DueLatency(long Calls, double CallsPerSecond, double MedianMilliseconds, double Percentile99Milliseconds);

/// <summary>A large number of accounts whose period ends at one moment, on SQLite, with a few callers beside.</summary>
internal sealed class DueCommand(ResultStore results)
{
    public const string Usage = """
        due       accounts that nobody calls and whose period ends at one moment, entered beside callers, on SQLite
          --accounts N            accounts, 1000 to 2000000, default 1000000
          --per-second N          how many a second at most, 0 for no limit, default 10000
          --callers N             callers beside, each with an account of its own, 1 to 256, default 8
        """;

    private const int NotedTogether = 50_000;

    public async Task RunAsync(Arguments arguments)
    {
        var accounts = arguments.Number("--accounts", 1_000_000, 1_000, 2_000_000);
        var perSecond = arguments.Number("--per-second", 10_000, 0, 1_000_000);
        var callers = arguments.Number("--callers", 8, 1, 256);
        arguments.RefuseOthers();
        using var folder = new ScratchFolder("due");
        await using var store = SqliteLedgerStore.Open(Path.Combine(folder.Path, "due.db"));
        var time = new ShiftedTime();
        var clock = Stopwatch.StartNew();
        await using (var meter = Meter(store, time, perSecond: 0))
        {
            await OpenAsync(meter, accounts, callers);
        }

        Console.WriteLine($"{accounts:N0} accounts opened in {clock.Elapsed.TotalSeconds:N1} s");
        await using var serving = Meter(store, time, perSecond);
        var alone = await WithCallersAsync(serving, callers, Task.Delay(TimeSpan.FromSeconds(5), TimeProvider.System));
        time.Shift = TimeSpan.FromDays(32);
        await MeasureAsync(serving, callers, alone);
    }

    private async Task MeasureAsync(EmbeddedCreditMeter meter, int callers, DueLatency alone)
    {
        var (clock, processor, peak) = (Stopwatch.StartNew(), Processor(), 0L);
        var entering = Task.Run(meter.Due!.RunOnceAsync);
        var watching = Task.Run(async () =>
        {
            while (!entering.IsCompleted)
            {
                peak = Math.Max(peak, GC.GetTotalMemory(forceFullCollection: false));
                await Task.WhenAny(entering, Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System));
            }
        });
        var beside = await WithCallersAsync(meter, callers, entering);
        await watching;
        var result = new DueResult(meter.Due.Entered, clock.Elapsed.TotalSeconds, Processor() - processor, peak / 1e6, alone, beside);
        results.Save("due", result);
        Console.WriteLine($"{result.Accounts:N0} accounts entered in {result.Seconds:N1} s, {result.Accounts / result.Seconds:N0}/s, {result.ProcessorSeconds:N1} s of processor, {result.PeakMegabytes:N0} MB of heap");
        Console.WriteLine($"callers alone:  {Text(alone)}");
        Console.WriteLine($"callers beside: {Text(beside)}");
    }

    private static string Text(DueLatency latency) =>
        $"{latency.CallsPerSecond,10:N0} calls/s, median {latency.MedianMilliseconds:N2} ms, 99th {latency.Percentile99Milliseconds:N2} ms ({latency.Calls:N0} calls)";

    private static async Task OpenAsync(EmbeddedCreditMeter meter, int accounts, int callers)
    {
        await meter.Due!.RunOnceAsync();
        foreach (var part in Enumerable.Range(0, accounts).Chunk(NotedTogether))
        {
            foreach (var chunk in part.Chunk(1_024))
            {
                await Task.WhenAll(chunk.Select(number => meter.OpenAccountAsync(new($"due-{number:D7}"), new() { Plan = "starter" }).AsTask()));
            }

            await meter.Due.RunOnceAsync();
        }

        for (var caller = 0; caller < callers; caller++)
        {
            _ = (await meter.OpenAccountAsync(new($"caller-{caller}"), new() { Plan = "starter" })).Value;
            _ = (await meter.GrantAsync(new($"caller-{caller}"), new() { Source = GrantSource.Purchase, Amount = Credits.Of(10_000_000) })).Value;
        }
    }

    private static async Task<DueLatency> WithCallersAsync(EmbeddedCreditMeter meter, int callers, Task until)
    {
        var clock = Stopwatch.StartNew();
        var times = await Task.WhenAll(Enumerable.Range(0, callers).Select(caller => Task.Run(() => CallAsync(meter, new($"caller-{caller}"), until))));
        await until;
        var all = times.SelectMany(caller => caller).Order().ToArray();
        return new(all.Length, all.Length / clock.Elapsed.TotalSeconds, all[all.Length / 2], all[all.Length * 99 / 100]);
    }

    private static async Task<List<double>> CallAsync(EmbeddedCreditMeter meter, AccountId account, Task until)
    {
        var times = new List<double>();
        while (!until.IsCompleted)
        {
            var began = Stopwatch.GetTimestamp();
            _ = (await meter.DeductAsync(account, new() { Amount = new Credits(1) })).Value;
            times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        return times;
    }

    private static EmbeddedCreditMeter Meter(SqliteLedgerStore store, TimeProvider time, int perSecond) =>
        new(store, new() { Due = new() { Window = TimeSpan.Zero, MaxPerSecond = perSecond } }, time, NullLogger<EmbeddedCreditMeter>.Instance);

    private static double Processor()
    {
        using var process = Process.GetCurrentProcess();
        return process.TotalProcessorTime.TotalSeconds;
    }

    /// <summary>The system's clock, moved ahead.</summary>
    private sealed class ShiftedTime : TimeProvider
    {
        public TimeSpan Shift { get; set; }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Shift;
    }
}
