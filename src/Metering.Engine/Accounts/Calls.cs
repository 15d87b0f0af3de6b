using Metering.Core;

namespace Metering.Engine;

/// <summary>A state being worked on under its activation's lock, and the entries that came of it.</summary>
internal struct Work(AccountState state, DateTimeOffset now, TimeSpan grace)
{
    private Entries entries;

    /// <summary>The account; evolved by every entry at once.</summary>
    public readonly AccountState State => state;

    /// <summary>The account's time.</summary>
    public readonly DateTimeOffset Now => now;

    /// <summary>How long an account whose period was not paid goes on spending.</summary>
    public readonly TimeSpan Grace => grace;

    /// <summary>What has to be written, in order, in one commit.</summary>
    public readonly Entries Entries => entries;

    /// <summary>What the caller will be told.</summary>
    public CallDecision Decision { get; set; }

    /// <summary>Enters everything that is due by itself.</summary>
    public void EnterDue()
    {
        while (Account.DecideDue(State, Now) is { } entry)
        {
            Enter(entry);
        }
    }

    /// <summary>Enters what a decision appends, in its order; nothing where it appends nothing.</summary>
    public void Enter(in Decision decision)
    {
        if (decision.Extension is { } extension)
        {
            Enter(extension);
        }

        if (decision.Entry is { } entry)
        {
            Enter(entry);
        }
    }

    /// <summary>Evolves the state by an entry and keeps it for the ledger.</summary>
    public void Enter(Entry entry)
    {
        Account.Evolve(State, entry);
        entries.Add(entry);
    }
}

/// <summary>What a call came to: the core's decision, and for a batch its answer.</summary>
/// <param name="Core">The decision.</param>
/// <param name="Batch">The answer to a batch; null for all else.</param>
/// <param name="Credits">What could be spent after it.</param>
internal readonly record struct CallDecision(Decision Core, BatchDeduction? Batch, Credits Credits);

/// <summary>Something to decide on an account.</summary>
internal abstract class Call
{
    /// <summary>What a look-up of the idempotency key found.</summary>
    public KeyEvidence Evidence { get; set; }

    /// <summary>The idempotency key; null for none.</summary>
    public abstract CommandKey? Key { get; }

    /// <summary>Decides, evolves and leaves the outcome in the work. Runs under the activation's lock.</summary>
    public abstract void Decide(ref Work work);
}

/// <summary>Only what is due: the way of a balance read past a due time.</summary>
internal sealed class DueCall : Call
{
    public override CommandKey? Key => null;

    public override void Decide(ref Work work) => work.Decision = new(default, null, work.State.Available);
}

/// <summary>One command.</summary>
internal sealed class CommandCall(Command command) : Call
{
    public override CommandKey? Key => command.Key;

    public override void Decide(ref Work work)
    {
        var decision = Account.Decide(work.State, command, work.Now, Evidence, work.Grace);
        work.Enter(decision);
        work.Decision = new(decision, null, work.State.Available);
    }
}

/// <summary>
/// Several deductions, decided one after another on the state that each leaves behind. They are written in one commit, and with a key
/// the whole answer is kept beside them.
/// </summary>
internal sealed class BatchCall(IReadOnlyList<Outcome<Command>> items, CommandKey? key) : Call
{
    public override CommandKey? Key => key;

    public override void Decide(ref Work work)
    {
        if (!work.State.IsOpen)
        {
            // The account is the matter of the whole batch, not of its items.
            work.Decision = new(Account.Decide(work.State, new KeepAnswer { Answer = default }, work.Now), null, Credits.Zero);
            return;
        }

        if (Account.DecideKey(work.State, key, work.Now, Evidence) is { } known)
        {
            work.Decision = new(known, null, work.State.Available);
            return;
        }

        var outcomes = new Outcome<Deduction>[items.Count];
        var charged = Credits.Zero;
        for (var index = 0; index < outcomes.Length; index++)
        {
            outcomes[index] = DecideItem(ref work, items[index]);
            charged += outcomes[index].TryGet(out var deduction, out _) ? deduction.Charged : Credits.Zero;
        }

        var answer = new BatchDeduction(charged, work.State.Available, outcomes);
        if (key is not null && Array.Exists(outcomes, outcome => outcome.IsSuccess))
        {
            work.Enter(Account.Decide(work.State, new KeepAnswer { Key = key, Answer = AnswerCodec.EncodeBatch(answer) }, work.Now, Evidence).Entry!);
        }

        work.Decision = new(default, answer, work.State.Available);
    }

    private static Outcome<Deduction> DecideItem(ref Work work, Outcome<Command> item)
    {
        if (!item.TryGet(out var command, out var invalid))
        {
            return invalid;
        }

        var decision = Account.Decide(work.State, command, work.Now, grace: work.Grace);
        if (decision.Refusal is { } refusal)
        {
            return refusal;
        }

        work.Enter(decision);
        return Views.ToDeduction((CreditsSpent)decision.Entry!);
    }
}
