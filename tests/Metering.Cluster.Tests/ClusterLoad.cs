using System.Collections.Concurrent;
using Metering.Engine;
using Xunit;

namespace Metering.Cluster.Tests;

/// <summary>
/// Callers that deduct one credit after another, in turn with an idempotency key and without one, through meters that they take turns with.
/// What was answered is held against the ledger at the end.
/// </summary>
internal sealed class ClusterLoad : IAsyncDisposable
{
    private readonly CancellationTokenSource stop = new();
    private readonly ConcurrentDictionary<(AccountId Account, TransactionId Id), int> charged = new();
    private readonly ConcurrentQueue<string> refused = new();
    private readonly IReadOnlyList<AccountId> accounts;
    private readonly Func<int, ICreditMeter> meterOf;
    private readonly List<Task> callers;
    private readonly Lock gate = new();
    private readonly List<(int From, TaskCompletionSource Reached)> waits = [];
    private int answered;

    /// <param name="meterOf">The meter of a caller's next call, by the number of the call; it may be another each time.</param>
    /// <param name="accounts">Open accounts with enough credits.</param>
    /// <param name="count">Callers.</param>
    public ClusterLoad(Func<int, ICreditMeter> meterOf, IReadOnlyList<AccountId> accounts, int count)
    {
        (this.meterOf, this.accounts) = (meterOf, accounts);
        callers = [.. Enumerable.Range(0, count).Select(caller => Task.Run(() => CallAsync(caller)))];
    }

    /// <summary>Calls that were answered with a charge.</summary>
    public int Answered => Volatile.Read(ref answered);

    /// <summary>Calls that were answered with anything else, or not at all.</summary>
    public IReadOnlyCollection<string> Refused => refused;

    public static async Task<AccountId[]> OpenAccountsAsync(ICreditMeter meter, string name, int count)
    {
        var accounts = Enumerable.Range(0, count).Select(index => new AccountId($"{name}-{index}")).ToArray();
        foreach (var account in accounts)
        {
            Assert.True((await meter.OpenAccountAsync(account, new() { Plan = "starter" })).IsSuccess);
            Assert.True((await meter.GrantAsync(account, new() { Source = GrantSource.Purchase, Amount = Credits.Of(10_000_000) })).IsSuccess);
        }

        return accounts;
    }

    /// <summary>Completes when that many more calls were charged.</summary>
    public Task MoreAsync(int calls)
    {
        lock (gate)
        {
            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            waits.Add((answered + calls, reached));
            return reached.Task;
        }
    }

    public async Task StopAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAll(callers);
    }

    /// <summary>
    /// Everything that was answered with a charge is in the ledger once; and where every call was answered with one, nothing else is.
    /// </summary>
    public async Task VerifyAsync(ILedgerStore ledger)
    {
        Assert.All(charged, pair => Assert.Equal(1, pair.Value));
        foreach (var account in accounts)
        {
            var rows = (await ledger.ReadTransactionsAsync(account, long.MaxValue, int.MaxValue)).Select(row => (Core.TransactionEntry)Core.EntryCodec.Decode(row.Facts.Span, row.Texts.Span));
            var written = rows.Where(entry => entry is Core.CreditsSpent).Select(entry => entry.Id).ToHashSet();
            var answeredHere = charged.Keys.Where(key => key.Account == account).Select(key => key.Id).ToHashSet();
            Assert.Subset(written, answeredHere);
            if (refused.IsEmpty)
            {
                Assert.Equal(answeredHere.Count, written.Count);
            }

            Assert.Null((await LedgerVerifier.VerifyAccountAsync(ledger, account)).Fault);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        stop.Dispose();
    }

    private async Task CallAsync(int caller)
    {
        var random = new Random(caller);
        for (var call = 0; !stop.IsCancellationRequested; call++)
        {
            var account = accounts[random.Next(accounts.Count)];
            try
            {
                var outcome = await meterOf(caller + call).DeductAsync(
                    account, new() { Amount = Credits.Of(1), IdempotencyKey = call % 2 == 0 ? $"{caller}-{call}" : null });
                if (outcome.TryGet(out var deduction, out var refusal))
                {
                    charged.AddOrUpdate((account, deduction.TransactionId), 1, static (_, times) => times + 1);
                    Count();
                }
                else
                {
                    refused.Enqueue($"{refusal.Reason}: {refusal.Message}");
                }
            }
            catch (Exception exception)
            {
                refused.Enqueue(exception.ToString());
            }
        }
    }

    private void Count()
    {
        lock (gate)
        {
            answered++;
            foreach (var (_, reached) in waits.Where(wait => wait.From <= answered))
            {
                reached.TrySetResult();
            }

            waits.RemoveAll(wait => wait.From <= answered);
        }
    }
}
