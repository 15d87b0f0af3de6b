using System.Diagnostics;

namespace Metering.Benchmarks;

/// <summary>Callers that spend credits through the meter, wherever its accounts live.</summary>
internal sealed class MeterCallers(ICreditMeter meter, AccountId[] accounts, LoadShape shape, ClosedLoop loop)
{
    private const int Results = 97;

    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(5);

    private long answered;
    private long charged;
    private long refused;
    private Credits before;

    public long Refused => refused;

    public string Cost => loop.Cost;

    public double ProcessorMicroseconds => loop.ProcessorMicroseconds;

    /// <summary>Opens so many accounts, each with more credits than a load can spend.</summary>
    public static async Task<AccountId[]> OpenAccountsAsync(ICreditMeter meter, int count)
    {
        var accounts = Enumerable.Range(0, count).Select(index => new AccountId($"acct_{index}")).ToArray();
        await Parallel.ForEachAsync(accounts, new ParallelOptions { MaxDegreeOfParallelism = 256 }, async (account, cancellationToken) =>
        {
            _ = (await meter.OpenAccountAsync(account, new() { Plan = "starter" }, cancellationToken)).Value;
            _ = (await meter.GrantAsync(account, new() { Source = GrantSource.Purchase, Amount = Credits.MaxAmount }, cancellationToken)).Value;
        });
        return accounts;
    }

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
