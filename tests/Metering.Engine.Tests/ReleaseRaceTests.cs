using System.Diagnostics;
using Metering.Conformance;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Engine.Tests;

/// <summary>
/// How callers are told: many by one task, each once, whatever they do next. A caller that is never told makes a test wait for ever, so
/// each has a limit far beyond what it takes.
/// </summary>
[Collection(RunsAlone.Name)]
public sealed class ReleaseRaceTests : IAsyncDisposable
{
    private const int Limit = 120_000;

    private static readonly AccountId Account = new("acct");

    private readonly MemoryLedgerStore ledger = new();
    private readonly ScriptedLedgerStore scripted;
    private readonly EmbeddedCreditMeter meter;

    public ReleaseRaceTests()
    {
        scripted = new(ledger);
        meter = NewMeter(scripted);
    }

    public async ValueTask DisposeAsync()
    {
        await meter.DisposeAsync();
        await scripted.DisposeAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task A_caller_that_blocks_holds_up_neither_the_others_of_its_commit_nor_the_writer()
    {
        const int Callers = 300;
        await OpenAsync(meter, Account);
        scripted.Hold();
        using var everyoneElse = new CountdownEvent(Callers - 3);
        var first = OnThePool(() => meter.DeductAsync(Account, Tiny).AsTask());
        await scripted.AppendArrivedAsync();
        var calls = Enumerable.Range(0, Callers).Select(index => OnThePool(async () =>
        {
            var outcome = await meter.DeductAsync(Account, Tiny);
            Assert.True(outcome.IsSuccess);
            if (index % 100 == 0)
            {
                // Not a thing to do; but who does it must only harm itself.
                everyoneElse.Wait();
                return;
            }

            everyoneElse.Signal();
        })).ToArray();
        while (meter.QueueDepth < Callers + 1)
        {
            await Task.Yield();
        }

        scripted.Release();
        await first;
        await Task.WhenAll(calls);
        Assert.True((await meter.DeductAsync(Account, Tiny)).IsSuccess);
    }

    [Fact(Timeout = Limit)]
    public async Task A_caller_that_calls_again_from_its_answer_stays_flat_on_the_stack()
    {
        await OpenAsync(meter, Account);
        var deepest = await OnThePool(async () =>
        {
            var frames = 0;
            for (var call = 0; call < 20_000; call++)
            {
                Assert.True((await meter.DeductAsync(Account, Tiny)).IsSuccess);
                frames = call % 500 == 0 ? Math.Max(frames, new StackTrace(false).FrameCount) : frames;
            }

            return frames;
        });
        Assert.InRange(deepest, 1, 100);
    }

    [Fact(Timeout = Limit)]
    public async Task A_call_that_is_cancelled_while_it_is_released_ends_once_and_is_charged_at_most_once()
    {
        await OpenAsync(meter, Account);
        var before = (await ledger.ReadHeadAsync(Account)).Head.Sequence;
        var (answered, given) = (0, 0);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(caller => OnThePool(async () =>
        {
            for (var call = 0; call < 1_000; call++)
            {
                using var cancellation = new CancellationTokenSource();
                var pending = OnThePool(() => meter.DeductAsync(Account, Tiny, cancellation.Token).AsTask());
                var cancelling = (call % 3) switch
                {
                    0 => Task.CompletedTask,
                    1 => OnThePool(() => cancellation.CancelAsync()),
                    _ => cancellation.CancelAsync(),
                };
                try
                {
                    Assert.True((await pending).IsSuccess);
                    Interlocked.Increment(ref answered);
                }
                catch (OperationCanceledException exception)
                {
                    Assert.Equal(cancellation.Token, exception.CancellationToken);
                    Interlocked.Increment(ref given);
                }

                await cancelling;
            }
        })));
        await meter.DrainAsync();
        Assert.Equal(8 * 1_000, answered + given);
        Assert.InRange((await ledger.ReadHeadAsync(Account)).Head.Sequence - before, answered, answered + given);
        Assert.Equal(0, meter.QueueDepth);
    }

    [Fact(Timeout = Limit)]
    public async Task Every_call_is_answered_once_by_what_became_of_it_while_the_ledger_fails()
    {
        var accounts = Enumerable.Range(0, 3).Select(index => new AccountId($"acct-{index}")).ToArray();
        await using var failing = NewMeter(new UnsteadyStore(ledger));
        foreach (var account in accounts)
        {
            await OpenAsync(failing, account);
        }

        var (charged, refused) = (0, 0);
        await Task.WhenAll(Enumerable.Range(0, 32).Select(caller => OnThePool(async () =>
        {
            for (var call = 0; call < 300; call++)
            {
                var outcome = await failing.DeductAsync(accounts[(caller + call) % 3], Tiny with { IdempotencyKey = call % 2 == 0 ? $"{caller}-{call}" : null });
                Interlocked.Increment(ref outcome.IsSuccess ? ref charged : ref refused);

                // Overloaded is who lost its state to others' failures too often in a row.
                Assert.True(outcome.IsSuccess || outcome.Refusal!.Reason is RefusalReason.LedgerUnavailable or RefusalReason.Overloaded, outcome.Refusal?.Message);
            }
        })));
        await failing.DrainAsync();
        Assert.Equal(0, failing.QueueDepth);
        var transactions = 0L;
        foreach (var account in accounts)
        {
            transactions += (await ledger.ReadHeadAsync(account)).Transactions - 1; // one granted the month
        }

        Assert.Equal((32 * 300, charged), (charged + refused, transactions));
        Assert.True((await LedgerVerifier.VerifyAsync(ledger)).IsSound);
    }

    [Fact(Timeout = Limit)]
    public async Task An_answer_that_is_awaited_late_is_still_its_callers_own()
    {
        await OpenAsync(meter, Account);
        var pending = Enumerable.Range(0, 100).Select(_ => meter.DeductAsync(Account, Tiny)).ToArray();
        for (var call = 0; call < 500; call++)
        {
            await meter.DeductAsync(Account, Tiny);
        }

        var numbers = new List<long>();
        foreach (var answer in pending)
        {
            numbers.Add((await answer).Value.TransactionId.Number);
        }

        Assert.Equal(Enumerable.Range(2, 100).Select(number => (long)number), numbers);
    }

    [Fact(Timeout = Limit)]
    public async Task A_caller_with_a_context_of_its_own_goes_on_there()
    {
        await OpenAsync(meter, Account);
        scripted.Hold();
        var context = new CountingContext();
        var call = OnThePool(async () =>
        {
            SynchronizationContext.SetSynchronizationContext(context);
            await meter.DeductAsync(Account, Tiny);
            return SynchronizationContext.Current == context;
        });
        await scripted.AppendArrivedAsync();
        scripted.Release();
        Assert.True(await call);
        Assert.Equal(1, context.Posts);
    }

    private static DeductRequest Tiny { get; } = new() { Amount = new(1) };

    private static EmbeddedCreditMeter NewMeter(ILedgerStore store) =>
        new(store, new() { Catalogue = CreditMeterConformance.TestCatalogue }, TimeProvider.System, NullLogger<EmbeddedCreditMeter>.Instance);

    private static async Task OpenAsync(EmbeddedCreditMeter meter, AccountId account) =>
        Assert.True((await meter.OpenAccountAsync(account, new() { Plan = "starter" })).IsSuccess);

    /// <summary>Away from the test runner's context, where answers go on on the thread that tells them.</summary>
    private static Task<T> OnThePool<T>(Func<Task<T>> work) => Task.Run(work);

    private static Task OnThePool(Func<Task> work) => Task.Run(work);

    /// <summary>Fails in one append of eight, before or after it took place.</summary>
    private sealed class UnsteadyStore(ILedgerStore inner) : DelegatingLedgerStore(inner)
    {
        private int appends;

        public override async ValueTask AppendAsync(IReadOnlyList<AppendGroup> groups, CancellationToken cancellationToken = default)
        {
            var number = ++appends;
            if (number % 3 == 0)
            {
                await Task.Yield();
            }

            if (number % 8 == 5)
            {
                throw new LedgerUnavailableException("disk full");
            }

            await base.AppendAsync(groups, cancellationToken);
            if (number % 8 == 7)
            {
                throw new LedgerOutcomeUnknownException("connection lost");
            }
        }
    }

    private sealed class CountingContext : SynchronizationContext
    {
        private int posts;

        public int Posts => Volatile.Read(ref posts);

        public override void Post(SendOrPostCallback d, object? state)
        {
            Interlocked.Increment(ref posts);
            _ = Task.Run(() =>
            {
                SetSynchronizationContext(this);
                d(state);
            });
        }
    }
}
