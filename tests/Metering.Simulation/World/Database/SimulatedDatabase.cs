using Metering.Engine;

namespace Metering.Simulation;

/// <summary>
/// A database server at READ COMMITTED, as far as a ledger needs one: transactions that lock heads one after the other, wait for each
/// other, see what is committed when they have a lock, and live on when their connection is lost. Writers have a row each, which an append
/// shares and the fence deletes.
/// </summary>
internal sealed class SimulatedDatabase(SimulatedWorld world, SimulatedLedger ledger, StoreBug bug)
{
    private readonly Dictionary<AccountId, DatabaseTransaction> locks = [];
    private readonly Dictionary<long, int> writers = [];
    private readonly List<Action> blocked = [];
    private long lastWriter;

    /// <summary>Registers a writer.</summary>
    public long Register()
    {
        writers.Add(++lastWriter, 0);
        return lastWriter;
    }

    /// <summary>Deletes a writer once no transaction shares its row; what comes later finds none.</summary>
    public void Retire(long writer, Action done)
    {
        if (writers.GetValueOrDefault(writer) > 0)
        {
            world.Trace($"the fence waits for writer {writer}");
            blocked.Add(() => Retire(writer, done));
            return;
        }

        if (bug != StoreBug.FenceLetsLateOnesIn)
        {
            writers.Remove(writer);
        }

        done();
    }

    /// <summary>Takes a share of a writer's row; false where there is none.</summary>
    public bool TryShare(long writer)
    {
        if (!writers.TryGetValue(writer, out var shares))
        {
            return false;
        }

        writers[writer] = shares + 1;
        return true;
    }

    /// <summary>The committed head of an account; null where there is no row.</summary>
    public LedgerHead? Head(AccountId account) => ledger.Rows(account).Count == 0 ? null : ledger.Head(account);

    /// <summary>True where another transaction has the account's lock, or is about to insert its row.</summary>
    public bool IsLockedFor(DatabaseTransaction transaction, AccountId account) => locks.TryGetValue(account, out var holder) && holder != transaction;

    public void Lock(DatabaseTransaction transaction, AccountId account) => locks[account] = transaction;

    /// <summary>Goes on once any transaction has ended.</summary>
    public void WaitForAnEnd(Action then) => blocked.Add(then);

    /// <summary>Commits groups whose heads are locked.</summary>
    public void Commit(DatabaseTransaction transaction, IEnumerable<AppendGroup> groups)
    {
        foreach (var group in groups)
        {
            if (bug != StoreBug.CompareBeforeWaiting && ledger.Head(group.Account) != group.Expected)
            {
                world.Violate($"the database commits {group.Account} on {group.Expected.Sequence} where {ledger.Head(group.Account).Sequence} is the head: its model is wrong.");
            }

            ledger.Write(group, 0);
        }

        End(transaction);
    }

    /// <summary>Releases what a transaction holds; those who wait look again, one after the other.</summary>
    public void End(DatabaseTransaction transaction)
    {
        foreach (var account in locks.Where(item => item.Value == transaction).Select(item => item.Key).ToArray())
        {
            locks.Remove(account);
        }

        if (transaction.HasShare)
        {
            writers[transaction.Writer]--;
        }

        foreach (var waiting in blocked)
        {
            world.After(world.Random.Next(3), waiting);
        }

        blocked.Clear();
    }
}

/// <summary>What a transaction's client hears in the end.</summary>
internal enum DatabaseAnswer
{
    Committed,

    RolledBack,

    /// <summary>Rolled back: its writer is not registered.</summary>
    NoWriter,
}

/// <summary>One append on the server, a step at a time: existing heads in the order of their accounts, then new ones, then the commit.</summary>
/// <param name="world">The world.</param>
/// <param name="database">The server.</param>
/// <param name="writer">Whose row it shares.</param>
/// <param name="groups">The groups; their rows are the server's own.</param>
/// <param name="comparesEarly">A planted bug: what was seen before waiting for a lock is compared.</param>
/// <param name="maxStep">Milliseconds between steps, at most.</param>
/// <param name="ended">Told how it ended, and the groups that were written.</param>
internal sealed class DatabaseTransaction(
    SimulatedWorld world,
    SimulatedDatabase database,
    long writer,
    AppendGroup[] groups,
    bool comparesEarly,
    int maxStep,
    Action<DatabaseAnswer, IReadOnlyList<AppendGroup>> ended)
{
    private readonly AppendGroup[] ordered = [.. groups.OrderBy(group => group.Account.Value, StringComparer.Ordinal)];
    private readonly Dictionary<AccountId, LedgerHead?> seen = [];
    private readonly List<AppendGroup> won = [];
    private bool isOver;

    public long Writer => writer;

    public bool HasShare { get; private set; }

    /// <summary>True where it ends without a commit, whatever it has done.</summary>
    public Func<bool> IsDoomed { get; set; } = static () => false;

    public void Begin()
    {
        if (IsDoomed())
        {
            RollBack();
            return;
        }

        if (!(HasShare = database.TryShare(writer)))
        {
            world.Trace($"an append of writer {writer} finds no row of it");
            ended(DatabaseAnswer.NoWriter, []);
            return;
        }

        Next(() =>
        {
            // What the statement sees is committed when it begins.
            Array.ForEach(ordered, group => seen[group.Account] = database.Head(group.Account));
            LockExisting(0);
        });
    }

    private void Next(Action step) => world.After(world.Random.Next(maxStep + 1), () =>
    {
        if (isOver)
        {
            return;
        }

        if (IsDoomed())
        {
            RollBack();
            return;
        }

        step();
    });

    private void LockExisting(int index)
    {
        if (index == ordered.Length)
        {
            Next(() => InsertNew(0));
            return;
        }

        var group = ordered[index];
        if (seen[group.Account] != group.Expected)
        {
            LockExisting(index + 1);
            return;
        }

        if (database.IsLockedFor(this, group.Account))
        {
            Wait(group.Account, () => LockExisting(index));
            return;
        }

        // The row is looked at again once it is locked: what a transaction that held it has committed counts.
        if ((comparesEarly ? seen[group.Account] : database.Head(group.Account)) == group.Expected)
        {
            database.Lock(this, group.Account);
            won.Add(group);
        }

        Next(() => LockExisting(index + 1));
    }

    private void InsertNew(int index)
    {
        if (index == ordered.Length)
        {
            Next(Commit);
            return;
        }

        var group = ordered[index];
        if (group.Expected != LedgerHead.Empty(group.Account))
        {
            InsertNew(index + 1);
            return;
        }

        if (database.IsLockedFor(this, group.Account))
        {
            Wait(group.Account, () => InsertNew(index));
            return;
        }

        if (database.Head(group.Account) is null)
        {
            database.Lock(this, group.Account);
            won.Add(group);
        }

        Next(() => InsertNew(index + 1));
    }

    // Transactions that wait for each other would never be answered, which the end of the history says aloud.
    private void Wait(AccountId account, Action then)
    {
        world.Trace($"an append of writer {writer} waits for the lock of {account}");
        database.WaitForAnEnd(() => Next(then));
    }

    private void RollBack()
    {
        isOver = true;
        database.End(this);
        ended(DatabaseAnswer.RolledBack, []);
    }

    private void Commit()
    {
        isOver = true;
        database.Commit(this, won);
        ended(DatabaseAnswer.Committed, won);
    }
}
