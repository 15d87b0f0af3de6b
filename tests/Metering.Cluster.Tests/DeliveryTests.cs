using System.Diagnostics;
using Metering.Engine;
using Orleans.Configuration;
using Orleans.Hosting;
using Xunit;

namespace Metering.Cluster.Tests;

/// <summary>The way of a call to its account and back: what is sent again, what its caller hears, and who waits for whom.</summary>
public sealed class DeliveryTests
{
    private static readonly AccountId Account = new("delivered");
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_charge_that_may_be_there_is_never_called_unchanged_and_keeps_its_transaction()
    {
        var (ledger, watch) = (new MemoryLedgerStore(), new LedgerWatch());
        await using var silos = await TestSilos.StartAsync(2, ledger, watch, cluster: settings => settings.RetryFor = TimeSpan.FromSeconds(2));
        Assert.True((await silos.Client.OpenAccountAsync(Account, new() { Plan = "starter" })).IsSuccess);

        // The commit lands, its answer is lost, and nothing can be read: the account's own answer is "unknown", and all later ones "try again".
        watch.AfterAppend = static _ => throw new LedgerOutcomeUnknownException("The answer was lost.");
        watch.BeforeRead = static _ => throw new LedgerUnavailableException("The database is away.");
        var refusal = (await silos.Client.DeductAsync(Account, new() { Amount = Credits.Of(1) })).Refusal!;
        Assert.Equal(RefusalReason.OutcomeUnknown, refusal.Reason);

        (watch.AfterAppend, watch.BeforeRead) = (static _ => Task.CompletedTask, static _ => Task.CompletedTask);
        var found = (await silos.Client.GetTransactionAsync(Account, refusal.TransactionId!.Value)).Value;
        Assert.Equal(TransactionState.Charged, found.State);
    }

    [Fact]
    public async Task A_call_under_way_is_not_called_unchanged_because_its_repetition_was_refused()
    {
        var (ledger, watch) = (new MemoryLedgerStore(), new LedgerWatch());
        await using var silos = await TestSilos.StartAsync(
            1,
            ledger,
            watch,
            metering: options => options.QueueCapacity = 1,
            cluster: settings => (settings.RetryFor, settings.ResponseTimeout) = (TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(1)));
        Assert.True((await silos.Client.OpenAccountAsync(Account, new() { Plan = "starter" })).IsSuccess);
        var stalled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        watch.AfterAppend = _ => stalled.Task;
        try
        {
            // The first message ends with the time for an answer; the next one meets a full queue.
            Assert.Equal(RefusalReason.OutcomeUnknown, (await silos.Client.DeductAsync(Account, new() { Amount = Credits.Of(1) })).Refusal?.Reason);
        }
        finally
        {
            stalled.SetResult();
        }
    }

    [Fact]
    public async Task Balances_wait_for_nobodys_slow_reads()
    {
        var (ledger, watch) = (new MemoryLedgerStore(), new LedgerWatch());
        await using var silos = await TestSilos.StartAsync(1, ledger, watch, cluster: settings => settings.ResponseTimeout = TimeSpan.FromMinutes(5));
        var slow = new AccountId("slow");
        var beside = Enumerable.Range(0, 1_000).Select(number => new AccountId($"beside-{number}")).First(other => PartOf(other) == PartOf(slow));
        foreach (var account in (AccountId[])[slow, beside])
        {
            Assert.True((await silos.Client.OpenAccountAsync(account, new() { Plan = "starter" })).IsSuccess);
            Assert.True((await silos.Client.GetBalanceAsync(account)).IsSuccess);
        }

        var charged = (await silos.Client.DeductAsync(slow, new() { Amount = Credits.Of(1) })).Value.TransactionId;
        var held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        watch.BeforeRead = account => account == slow ? held.Task : Task.CompletedTask;
        var reads = Enumerable.Range(0, 4).Select(_ => silos.Client.GetTransactionAsync(slow, charged).AsTask()).ToArray();
        try
        {
            Assert.True((await silos.Client.GetBalanceAsync(beside).AsTask().WaitAsync(Patience)).IsSuccess);
            Assert.False(reads[0].IsCompleted);
        }
        finally
        {
            held.SetResult();
        }

        Assert.All(await Task.WhenAll(reads), status => Assert.Equal(TransactionState.Charged, status.Value.State));
    }

    [Fact]
    public async Task A_call_that_throws_fails_no_other_of_its_message()
    {
        await using var silos = await TestSilos.StartAsync(1, new());
        Assert.True((await silos.Client.OpenAccountAsync(Account, new() { Plan = "starter" })).IsSuccess);
        var silo = silos.Silos[0].SiloAddress.ToParsableString();
        var answers = await silos.Cluster.Client.GetGrain<ISiloGrain>(SiloGrain.KeyOf(silo, 0)).RunAsync(new()
        {
            Accounts = [Account.Value, Account.Value],
            Items =
            [
                new DeductCall { Request = new() { Amount = Credits.Of(1), IdempotencyKey = "one" } },
                new GrantCall { Request = new() { Source = (GrantSource)99, Amount = Credits.Of(1), IdempotencyKey = "two" } },
            ],
        });
        Assert.True(Assert.IsType<Answered<Deduction>>(answers.Items[0]).Outcome.IsSuccess);
        Assert.IsType<Failed>(answers.Items[1]);
    }

    [Fact]
    public async Task A_call_follows_its_account_also_where_nothing_is_sent_again()
    {
        await using var silos = await TestSilos.StartAsync(2, new(), new LedgerWatch(), cluster: settings => settings.RetryFor = TimeSpan.Zero);
        Assert.True((await silos.Client.OpenAccountAsync(Account, new() { Plan = "starter" })).IsSuccess);
        Assert.True((await silos.Client.GetBalanceAsync(Account)).IsSuccess);
        await silos.CollectAsync();
        Assert.True((await silos.Client.GetBalanceAsync(Account)).IsSuccess);
    }

    [Fact]
    public async Task An_account_that_only_its_own_silo_calls_is_heard_of_once_a_minute()
    {
        var greetings = 0;
        await using var silos = await TestSilos.StartAsync(1, new(), new LedgerWatch(), configure: silo => silo.AddIncomingGrainCallFilter(call =>
        {
            greetings += call.TargetId.Type.ToString() == "account" ? 1 : 0;
            return call.Invoke();
        }));
        var meter = TestSilos.MeterOf(silos.Silos[0]);
        Assert.True((await meter.OpenAccountAsync(Account, new() { Plan = "starter" })).IsSuccess);
        var placed = TestSilos.EngineOf(silos.Silos[0]).Placed;
        for (var minute = 0; minute < 3; minute++)
        {
            Assert.True((await meter.GetBalanceAsync(Account)).IsSuccess);
            var before = greetings;
            Assert.True(placed.TryGet(Account, out var here));
            here.GreetedAt -= 61 * Stopwatch.Frequency;
            Assert.True((await meter.GetBalanceAsync(Account)).IsSuccess);
            Assert.Equal(before + 1, greetings);
        }
    }

    [Fact]
    public async Task An_activation_that_was_given_up_while_it_loaded_leaves_nothing_behind()
    {
        var (ledger, watch) = (new MemoryLedgerStore(), new LedgerWatch());
        await using var silos = await TestSilos.StartAsync(
            1,
            ledger,
            watch,
            cluster: settings => settings.RetryFor = TimeSpan.Zero,
            configure: silo => silo.Configure<GrainCollectionOptions>(collection => collection.ActivationTimeout = TimeSpan.FromSeconds(1)));
        Assert.True((await silos.Client.OpenAccountAsync(Account, new() { Plan = "starter" })).IsSuccess);
        await silos.CollectAsync();
        var held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        watch.BeforeRead = _ => held.Task;

        // A failure of the way, not the caller's own cancellation.
        Assert.Equal(RefusalReason.LedgerUnavailable, (await silos.Client.GetBalanceAsync(Account)).Refusal?.Reason);
        held.SetResult();
        using var patience = new CancellationTokenSource(Patience);
        while (TestSilos.AccountsOn(silos.Silos[0]) > 0)
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }

        Assert.True((await silos.Client.GetBalanceAsync(Account)).IsSuccess);
    }

    private static uint PartOf(AccountId account) => (uint)account.GetHashCode() % SiloGrain.Lanes;
}
