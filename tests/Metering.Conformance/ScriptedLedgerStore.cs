using Metering.Engine;

namespace Metering.Conformance;

/// <summary>A ledger store that passes everything on, and fails or waits where a test says so.</summary>
public sealed class ScriptedLedgerStore(ILedgerStore inner) : DelegatingLedgerStore(inner)
{
    private readonly Queue<Func<IReadOnlyList<AppendGroup>, Func<Task>, Task>> appends = new();
    private SemaphoreSlim arrived = new(0);
    private TaskCompletionSource? gate;

    /// <summary>Appends that reached the store.</summary>
    public int Appends { get; private set; }

    /// <summary>Rows read for activations.</summary>
    public int RowsRead { get; private set; }

    /// <summary>Thrown by every read while it is set.</summary>
    public Exception? ReadFailure { get; set; }

    /// <summary>Makes appends wait until <see cref="Release"/>, and counts arrivals anew.</summary>
    public void Hold()
    {
        arrived = new(0);
        gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Lets held appends go on.</summary>
    public void Release()
    {
        gate?.SetResult();
        gate = null;
    }

    /// <summary>Completes when one more append has reached the store since <see cref="Hold"/>.</summary>
    public Task AppendArrivedAsync() => arrived.WaitAsync();

    /// <summary>The next append that has no script yet goes this way; the second argument appends for real.</summary>
    public void NextAppend(Func<IReadOnlyList<AppendGroup>, Func<Task>, Task> script) => appends.Enqueue(script);

    public override async ValueTask AppendAsync(IReadOnlyList<AppendGroup> groups, CancellationToken cancellationToken = default)
    {
        Appends++;
        var waiting = gate?.Task;
        arrived.Release();
        if (waiting is not null)
        {
            await waiting;
        }

        if (appends.TryDequeue(out var script))
        {
            await script(groups, () => base.AppendAsync(groups, cancellationToken).AsTask());
        }
        else
        {
            await base.AppendAsync(groups, cancellationToken);
        }
    }

    public override ValueTask<(LedgerHead Head, long Transactions)> ReadHeadAsync(AccountId account, CancellationToken cancellationToken = default) =>
        ReadFailure is null ? base.ReadHeadAsync(account, cancellationToken) : throw ReadFailure;

    public override async ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default)
    {
        var rows = ReadFailure is null ? await base.ReadAsync(account, fromSequence, limit, cancellationToken) : throw ReadFailure;
        RowsRead += rows.Count;
        return rows;
    }

    public override ValueTask<IReadOnlyList<LedgerRow>> ReadTransactionsAsync(AccountId account, long beforeNumber, int limit, CancellationToken cancellationToken = default) =>
        ReadFailure is null ? base.ReadTransactionsAsync(account, beforeNumber, limit, cancellationToken) : throw ReadFailure;

    public override ValueTask<long> FindKeyAsync(AccountId account, UInt128 key, CancellationToken cancellationToken = default) =>
        ReadFailure is null ? base.FindKeyAsync(account, key, cancellationToken) : throw ReadFailure;

    public override ValueTask<IReadOnlyList<LedgerSnapshot>> ReadSnapshotsAsync(AccountId account, CancellationToken cancellationToken = default) =>
        ReadFailure is null ? base.ReadSnapshotsAsync(account, cancellationToken) : throw ReadFailure;
}
