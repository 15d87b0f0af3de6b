using Metering.Core;

namespace Metering.Engine;

/// <summary>What became of a decision that waited for the ledger.</summary>
internal enum Release
{
    /// <summary>Its rows, and all that it had seen, are durable.</summary>
    Durable,

    /// <summary>It was decided on a state that did not last; nothing of it was written. Decide again.</summary>
    Lost,

    /// <summary>The ledger could not be written; nothing of it was written.</summary>
    Unavailable,

    /// <summary>It is not known whether it was written. Reading tells.</summary>
    Unknown,

    /// <summary>The ledger refused its content: a bug.</summary>
    Rejected,
}

/// <summary>
/// The entries of one decision on their way to the ledger: they are written in one commit or not at all. Whoever saw a state that
/// includes them waits for the release.
/// </summary>
internal sealed class QueuedDecision(AccountActivation activation, Entries entries, BalanceView view)
{
    private readonly BalanceView view = view;
    private Entries entries = entries;

    // The newest waiter, which links to the others; Waiter.Closed once there is nothing to wait for.
    private Waiter? waiters;
    private Release release;

    public AccountActivation Activation { get; } = activation;

    /// <summary>The entries, until they are released: the last one stays in memory with its account and must not keep them.</summary>
    public ref readonly Entries Entries => ref entries;

    /// <summary>The figures after these entries.</summary>
    public ref readonly BalanceView View => ref view;

    /// <summary>
    /// The state after these entries, to be stored as a snapshot once they are durable; null for none. The commit that writes this
    /// decision ends the account's group with it, so that the chain has a link at exactly this sequence.
    /// </summary>
    public ByteWriter? Snapshot { get; set; }

    /// <summary>True once it is known what became of it.</summary>
    public bool IsReleased => ReferenceEquals(Volatile.Read(ref waiters), Waiter.Closed);

    /// <summary>True once every entry is durable.</summary>
    public bool IsDurable => IsReleased && release == Release.Durable;

    /// <summary>Adds a waiter, which is told by the release; false where that has come already, with what it was.</summary>
    public bool TryAdd(Waiter waiter, out Release outcome)
    {
        var newest = Volatile.Read(ref waiters);
        while (!ReferenceEquals(newest, Waiter.Closed))
        {
            waiter.Next = newest;
            var seen = Interlocked.CompareExchange(ref waiters, waiter, newest);
            if (ReferenceEquals(seen, newest))
            {
                outcome = default;
                return true;
            }

            newest = seen;
        }

        outcome = release;
        return false;
    }

    /// <summary>What became of it, as a task: for whoever is not in a hurry.</summary>
    public Task<Release> WhenReleasedAsync()
    {
        var waiter = new TaskWaiter();
        return TryAdd(waiter, out var outcome) ? waiter.Task : Task.FromResult(outcome);
    }

    /// <summary>Settles what became of it. The first word stands.</summary>
    /// <returns>The waiters, linked, whom the caller has to tell; null for none.</returns>
    public Waiter? Complete(Release outcome)
    {
        if (IsReleased)
        {
            return null;
        }

        (entries, Snapshot, release) = (default, null, outcome);
        return Interlocked.Exchange(ref waiters, Waiter.Closed);
    }

    private sealed class TaskWaiter : Waiter
    {
        private readonly TaskCompletionSource<Release> source = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<Release> Task => source.Task;

        public override void OnReleased(Release release) => source.SetResult(release);
    }
}

/// <summary>Somebody who waits for a decision: one object, linked into the decision's list.</summary>
internal abstract class Waiter
{
    /// <summary>Marks a list that takes nobody any more.</summary>
    public static readonly Waiter Closed = new ClosedList();

    /// <summary>The waiter that came before.</summary>
    public Waiter? Next { get; set; }

    /// <summary>What this waiter will be told.</summary>
    public Release Release { get; set; }

    /// <summary>Tells the waiter, once. Whatever it goes on to do runs here, so it is called outside every lock and not by the writer.</summary>
    public abstract void OnReleased(Release release);

    private sealed class ClosedList : Waiter
    {
        public override void OnReleased(Release release) => throw new InvalidOperationException("A closed list waits for nothing.");
    }
}

/// <summary>The entries of a decision: nearly always one, which then needs no array.</summary>
internal struct Entries
{
    private Entry? first;
    private List<Entry>? more;

    public readonly int Count => more?.Count ?? (first is null ? 0 : 1);

    public readonly Entry this[int index] => more is null && index == 0 ? first! : more![index];

    public void Add(Entry entry)
    {
        if (first is null)
        {
            first = entry;
            return;
        }

        more ??= [first];
        more.Add(entry);
    }
}
