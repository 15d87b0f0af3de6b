using System.Diagnostics;
using Metering.Engine;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Benchmarks;

/// <summary>The whole meter in this process over one of its stores, everything on: decision, hash chain, idempotency keys, durable answer.</summary>
internal sealed class MeterSystem(IMeterStore store) : ILoadSystem
{
    private const int Results = 97;

    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(5);

    public string Name => store.Name;

    public string Description => $"the meter in process on its {store.Name} store: a product's price, a description of 40 characters, hash chain, durable answer";

    public string? Missing => store.Missing;

    public int MaxCallers => 100_000;

    public async Task<LoadFigure> MeasureAsync(LoadShape shape)
    {
        using var folder = new ScratchFolder("load");
        var options = new CreditMeteringOptions();
        await store.ConfigureAsync(options, folder.Path);
        options.QueueCapacity = Math.Max(options.QueueCapacity, shape.Callers);
        var ledger = options.LedgerStoreFactory!(NoServices.Instance);
        var meter = new EmbeddedCreditMeter(ledger, options, TimeProvider.System, NullLogger<EmbeddedCreditMeter>.Instance);
        try
        {
            var accounts = await OpenAccountsAsync(meter, shape.Accounts);
            var callers = new Callers(meter, accounts, shape, new($"{Name}, {shape}", shape, () => store.Backlog(ledger)));
            var (calls, seconds, latency) = await callers.RunAsync();
            var drain = Stopwatch.StartNew();
            await callers.CheckBooksAsync();
            await meter.DisposeAsync();
            await WaitForBacklogAsync(ledger);
            await ledger.DisposeAsync();
            return new(calls, seconds, drain.Elapsed.TotalSeconds, callers.Refused, latency, $"{(shape.Keys ? "idempotency keys" : "no idempotency keys")}; {callers.Cost}");
        }
        catch
        {
            await CloseAsync(meter, ledger);
            throw;
        }
    }

    public ValueTask DisposeAsync() => store.DisposeAsync();

    /// <summary>Waits until everything durable is in its final place, watching every few milliseconds.</summary>
    private async Task WaitForBacklogAsync(ILedgerStore ledger)
    {
        var line = new ProgressLine();
        while (store.Backlog(ledger) is > 0 and var waiting)
        {
            line.Write($"{Name}, drain  backlog {waiting:N0}");
            await Task.Delay(RetryAfter, TimeProvider.System);
        }

        line.End();
    }

    private static async Task CloseAsync(EmbeddedCreditMeter meter, ILedgerStore ledger)
    {
        await meter.DisposeAsync();
        await ledger.DisposeAsync();
    }

    private static async Task<AccountId[]> OpenAccountsAsync(EmbeddedCreditMeter meter, int count)
    {
        var accounts = Enumerable.Range(0, count).Select(index => new AccountId($"acct_{index}")).ToArray();
        await Parallel.ForEachAsync(accounts, new ParallelOptions { MaxDegreeOfParallelism = 256 }, async (account, cancellationToken) =>
        {
            _ = (await meter.OpenAccountAsync(account, new() { Plan = "starter" }, cancellationToken)).Value;
            _ = (await meter.GrantAsync(account, new() { Source = GrantSource.Purchase, Amount = Credits.MaxAmount }, cancellationToken)).Value;
        });
        return accounts;
    }

    private sealed class Callers(EmbeddedCreditMeter meter, AccountId[] accounts, LoadShape shape, ClosedLoop loop)
    {
        private long answered;
        private long charged;
        private long refused;
        private Credits before;

        public long Refused => refused;

        public string Cost => loop.Cost;

        public async Task<(long Calls, double Seconds, Percentiles Latency)> RunAsync()
        {
            before = await SumAsync();
            return await loop.RunAsync(shape.Callers, CallAsync);
        }

        /// <summary>What was answered must be what was charged: a fast wrong answer is no figure.</summary>
        /// <exception cref="InvalidOperationException">The accounts hold another sum than what was there less what was charged.</exception>
        public async Task CheckBooksAsync()
        {
            var (left, expected) = (await SumAsync(), before - new Credits(charged));
            if (left != expected)
            {
                throw new InvalidOperationException($"{answered} calls were answered and {new Credits(charged)} credits charged, but {left} are left instead of {expected}.");
            }
        }

        private async Task<Credits> SumAsync()
        {
            var sum = Credits.Zero;
            foreach (var account in accounts)
            {
                // Less the grant, so that the sum of 10,000 accounts stays in range.
                sum += (await meter.GetBalanceAsync(account)).Value.Available - Credits.MaxAmount;
            }

            return sum;
        }

        private async Task CallAsync(int caller)
        {
            var random = new Random(caller);
            var (mine, spent) = (0L, 0L);
            while (!loop.IsOver)
            {
                var request = new DeductRequest
                {
                    Product = "lead.search",
                    Quantity = Results,
                    Description = "Lead search: Restaurants in US (97 results)",
                    IdempotencyKey = shape.Keys ? $"{caller}-{mine}" : null,
                };
                var account = accounts[random.Next(accounts.Length)];
                var latencies = loop.Latencies;
                var started = Stopwatch.GetTimestamp();
                var outcome = await meter.DeductAsync(account, request);
                var deduction = outcome.TryGet(out var answered, out _) ? answered : await DeductAgainAsync(account, request, outcome);
                latencies.Add(Stopwatch.GetElapsedTime(started));
                mine++;
                spent += deduction.Charged.TenThousandths;
            }

            Interlocked.Add(ref answered, mine);
            Interlocked.Add(ref charged, spent);
        }

        /// <summary>A full store says so; a caller asks again, and its wait is in its latency.</summary>
        private async ValueTask<Deduction> DeductAgainAsync(AccountId account, DeductRequest request, Outcome<Deduction> outcome)
        {
            while (outcome.Refusal?.Reason is RefusalReason.Overloaded)
            {
                Interlocked.Increment(ref refused);
                await Task.Delay(RetryAfter, TimeProvider.System);
                outcome = await meter.DeductAsync(account, request);
            }

            return outcome.Value;
        }
    }

    private sealed class NoServices : IServiceProvider
    {
        public static readonly NoServices Instance = new();

        public object? GetService(Type serviceType) => null;
    }
}
