using Metering.Conformance;
using Metering.Core;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Engine.Tests;

/// <summary>Accounts that leave memory leave snapshots behind, quicker than a busy ledger writes them.</summary>
public sealed class SnapshotQueueTests
{
    private const int Snapshots = 200;
    private const int SnapshotBytes = 1 << 20;
    private const int Allowed = 64;

    [Fact]
    public async Task Snapshots_that_wait_are_bounded_in_bytes()
    {
        var options = new CreditMeteringOptions();
        await using var store = new HeldSnapshots(new MemoryLedgerStore());
        var commit = new GroupCommit(store, options, new Freshness(store, TimeProvider.System), NullLogger.Instance);
        var state = new byte[SnapshotBytes];
        for (var index = 0; index < Snapshots; index++)
        {
            var account = new AccountId($"acct-{index}");
            commit.EnqueueSnapshot(account, new(LedgerHead.Empty(account), SnapshotCodec.Version, state));
        }

        store.LetGo();
        await commit.WhenIdleAsync();

        // One more than may wait: the first was on its way.
        Assert.InRange(store.Saved, Allowed, Allowed + 1);
        commit.EnqueueSnapshot(new("acct-late"), new(LedgerHead.Empty(new("acct-late")), SnapshotCodec.Version, state));
        await commit.WhenIdleAsync();
        Assert.InRange(store.Saved, Allowed + 1, Allowed + 2);
    }

    private sealed class HeldSnapshots(ILedgerStore inner) : DelegatingLedgerStore(inner)
    {
        private readonly TaskCompletionSource gate = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Saved { get; private set; }

        public void LetGo() => gate.SetResult();

        public override async ValueTask SaveSnapshotAsync(AccountId account, LedgerSnapshot snapshot, CancellationToken cancellationToken = default)
        {
            await gate.Task;
            Saved++;
        }
    }
}
