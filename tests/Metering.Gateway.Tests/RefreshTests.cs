using Metering.Conformance;
using Metering.Engine;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>Dialect C (004): <c>POST /v1/credits/refresh</c> waits for what is under way, reloads, and shares one reload.</summary>
public sealed class RefreshTests
{
    private const string Refresh = "/v1/credits/refresh";

    [Fact]
    public async Task A_refresh_waits_for_the_queue_and_concurrent_ones_share_one_reload()
    {
        var (script, arrivals) = (new ScriptedLedgerStore(new MemoryLedgerStore()), new Arrivals(25));
        var ledger = new CountingLedger(script);
        await using var host = await GatewayHost.StartAsync(services => services
            .AddSingleton<ILedgerStore>(ledger)
            .AddSingleton<ICreditMeter>(provider => new CountingMeter(provider.GetRequiredService<EmbeddedCreditMeter>(), arrivals)));
        var caller = await host.OpenAsync();
        var loads = ledger.Loads;
        script.Hold();
        var spending = caller.PostAsync("/v1/credits/deduct", """{"amount": 30}""");
        await script.AppendArrivedAsync();
        var refreshes = Enumerable.Range(0, 25).Select(_ => caller.PostAsync(Refresh)).ToArray();
        await arrivals.All;
        Assert.All(refreshes, refresh => Assert.False(refresh.IsCompleted));
        Assert.Equal("100", (await caller.GetAsync("/v1/credits")).Remaining);

        script.Release();
        Assert.Equal(200, (await spending).Status);
        foreach (var answer in await Task.WhenAll(refreshes))
        {
            Assert.Equal((200, """{"credits":70}""", "70"), (answer.Status, answer.Body, answer.Remaining));
            Assert.Null(answer.Cost);
        }

        Assert.Equal(loads + 1, ledger.Loads);
    }

    [Fact]
    public async Task Refreshing_under_load_loses_no_charge_and_shows_no_balance_that_never_was()
    {
        await using var host = await GatewayHost.StartAsync();
        var caller = await host.OpenAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 120).Select(async index => index % 2 == 0
            ? (IsRefresh: false, Answer: await caller.PostAsync("/v1/credits/deduct", """{"amount": 1}"""))
            : (IsRefresh: true, Answer: await caller.PostAsync(Refresh))));
        Assert.All(answers, answer => Assert.Equal(200, answer.Answer.Status));
        Assert.All(answers.Where(answer => answer.IsRefresh), answer => Assert.InRange(answer.Answer.Json.GetProperty("credits").GetDecimal(), 40, 100));
        Assert.Equal("""{"credits":40}""", (await caller.PostAsync(Refresh)).Body);
        Assert.Equal(61, (await host.Meter.ListTransactionsAsync(caller.Account, new())).Value.Total);
        Assert.Equal(60, answers.Where(answer => !answer.IsRefresh).Select(answer => answer.Answer.Json.GetProperty("credits").GetDecimal()).Distinct().Count());
    }

    [Fact]
    public async Task A_ledger_that_cannot_be_read_is_503_and_the_next_refresh_answers()
    {
        var script = new ScriptedLedgerStore(new MemoryLedgerStore());
        await using var host = await GatewayHost.StartAsync(services => services.AddSingleton<ILedgerStore>(script));
        var caller = await host.OpenAsync();
        script.ReadFailure = new LedgerUnavailableException("The disk is away.");
        var answer = await caller.PostAsync(Refresh);
        Assert.Equal((503, "ledger_unavailable", "1"), (answer.Status, answer.Code, answer.Headers["Retry-After"]));
        script.ReadFailure = null;
        Assert.Equal("""{"credits":100}""", (await caller.PostAsync(Refresh)).Body);
    }

    /// <summary>Counts how often an account is loaded.</summary>
    private sealed class CountingLedger(ILedgerStore inner) : DelegatingLedgerStore(inner)
    {
        private int loads;

        public int Loads => Volatile.Read(ref loads);

        public override ValueTask<IReadOnlyList<LedgerSnapshot>> ReadSnapshotsAsync(AccountId account, CancellationToken cancellationToken = default)
        {
            Interlocked.Increment(ref loads);
            return base.ReadSnapshotsAsync(account, cancellationToken);
        }
    }

    /// <summary>Counts up to what a test waits for.</summary>
    private sealed class Arrivals(int expected)
    {
        private readonly TaskCompletionSource all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int arrived;

        public Task All => all.Task;

        public void Add()
        {
            if (Interlocked.Increment(ref arrived) == expected)
            {
                all.SetResult();
            }
        }
    }

    /// <summary>Tells when a refresh has been handed to the meter.</summary>
    private sealed class CountingMeter(ICreditMeter inner, Arrivals arrivals) : DelegatingMeter(inner)
    {
        public override ValueTask<Outcome<Balance>> RefreshAsync(AccountId account, CancellationToken cancellationToken = default)
        {
            var refreshing = base.RefreshAsync(account, cancellationToken);
            arrivals.Add();
            return refreshing;
        }
    }
}
