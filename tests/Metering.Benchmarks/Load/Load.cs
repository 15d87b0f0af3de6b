using System.Diagnostics;
using Metering.Engine;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Benchmarks;

/// <summary>Callers in a closed loop: each waits for its deduction to be durable before it asks for the next.</summary>
internal sealed class Load(LoadOptions options)
{
    private readonly LatencyHistogram latencies = new();
    private readonly AccountId[] accounts = [.. Enumerable.Range(0, options.Accounts).Select(index => new AccountId($"acct_{index}"))];
    private long done;
    private volatile bool isOver;

    public async Task RunAsync()
    {
        var folder = options.Folder ?? Path.Combine(Path.GetTempPath(), $"metering-load-{Environment.ProcessId}");
        Directory.CreateDirectory(folder);
        try
        {
            var settings = new CreditMeteringOptions();
            _ = options.Store == "sqlite" ? settings.UseSqlite(Path.Combine(folder, "load.db")) : settings.UseMemory();
            await using var store = settings.LedgerStoreFactory!(NoServices.Instance);
            await using var meter = new EmbeddedCreditMeter(store, settings, TimeProvider.System, NullLogger<EmbeddedCreditMeter>.Instance);
            await OpenAccountsAsync(meter);
            await MeasureAsync(meter);
        }
        finally
        {
            if (options.Folder is null)
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private async Task OpenAccountsAsync(EmbeddedCreditMeter meter)
    {
        await Parallel.ForEachAsync(accounts, new ParallelOptions { MaxDegreeOfParallelism = 256 }, async (account, cancellationToken) =>
        {
            var opened = await meter.OpenAccountAsync(account, new() { Plan = "starter" }, cancellationToken);
            if (opened.IsSuccess)
            {
                var granted = await meter.GrantAsync(account, new() { Source = GrantSource.Purchase, Amount = Credits.Of(1_000_000_000) }, cancellationToken);
                _ = granted.Value;
            }
        });
    }

    private async Task MeasureAsync(EmbeddedCreditMeter meter)
    {
        var callers = Enumerable.Range(0, options.Callers).Select(index => Task.Run(() => CallAsync(meter, index))).ToArray();
        var clock = Stopwatch.StartNew();
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1));
        while (clock.Elapsed.TotalSeconds < options.Seconds && await timer.WaitForNextTickAsync())
        {
            var elapsed = clock.Elapsed.TotalSeconds;
            await Console.Error.WriteAsync($"\r{elapsed,4:F0}/{options.Seconds} s  {Volatile.Read(ref done) / elapsed,10:N0}/s  queue {meter.QueueDepth,6}");
        }

        isOver = true;
        await Task.WhenAll(callers);
        var seconds = clock.Elapsed.TotalSeconds;
        await Console.Error.WriteLineAsync();
        Console.WriteLine(
            $"{options.Store}, {options.Callers} callers, {(options.Accounts == 1 ? "one hot account" : $"{options.Accounts} accounts")}{(options.Keys ? ", keys" : "")}: " +
            $"{done / seconds:N0} durable deductions/s  p50 {latencies.At(0.50):F2} ms  p99 {latencies.At(0.99):F2} ms  p99.9 {latencies.At(0.999):F2} ms  max {latencies.At(1):F2} ms");
    }

    private async Task CallAsync(EmbeddedCreditMeter meter, int caller)
    {
        var random = new Random(caller);
        for (var call = 0; !isOver; call++)
        {
            var request = new DeductRequest
            {
                Product = "lead.search",
                Quantity = 97,
                Description = "Lead search: Restaurants in US (97 results)",
                IdempotencyKey = options.Keys ? $"{caller}-{call}-{Environment.ProcessId}" : null,
            };
            var started = Stopwatch.GetTimestamp();
            var outcome = await meter.DeductAsync(accounts[random.Next(accounts.Length)], request);
            _ = outcome.Value;
            latencies.Add(Stopwatch.GetElapsedTime(started));
            Interlocked.Increment(ref done);
        }
    }

    private sealed class NoServices : IServiceProvider
    {
        public static readonly NoServices Instance = new();

        public object? GetService(Type serviceType) => null;
    }
}
