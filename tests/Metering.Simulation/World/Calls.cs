namespace Metering.Simulation;

/// <summary>How a call ended.</summary>
internal enum CallEnd
{
    /// <summary>It never did: its process crashed.</summary>
    Unanswered,

    Answered,

    Cancelled,
}

/// <summary>One attempt of an operation at one meter, with what was durable and what the clock said around it.</summary>
internal sealed class CallRecord(
    Operation operation, MeterHandle meter, int startStep, long durableAtStart, long durableSecondBefore, long archivedAtStart, DateTimeOffset clock)
{
    public Operation Operation => operation;

    public MeterHandle Meter => meter;

    public int StartStep => startStep;

    /// <summary>The account's last durable entry when the call began.</summary>
    public long DurableAtStart => durableAtStart;

    /// <summary>An entry that was durable a second before the call began, wherever it was written: what no answer may be behind.</summary>
    public long DurableSecondBefore => durableSecondBefore;

    /// <summary>Transactions of the account that were archived when the call began: it could not see them.</summary>
    public long ArchivedAtStart => archivedAtStart;

    /// <summary>And when it ended.</summary>
    public long ArchivedAtEnd { get; private set; } = long.MaxValue;

    /// <summary>What the process's clock has said at the beginning, the end and around each jump between them.</summary>
    public List<DateTimeOffset> Clocks { get; } = [clock];

    public int EndStep { get; private set; } = int.MaxValue;

    /// <summary>The account's last durable entry when the call ended; no limit where it was not answered.</summary>
    public long DurableAtEnd { get; private set; } = long.MaxValue;

    public CallEnd End { get; private set; }

    /// <summary>The answer as text; empty where there is none.</summary>
    public string Answer { get; private set; } = string.Empty;

    public Refusal? Refusal { get; private set; }

    public bool IsReplay { get; private set; }

    /// <summary>The answer itself.</summary>
    public object? Value { get; private set; }

    /// <summary>The transactions that the answer names.</summary>
    public IReadOnlyList<TransactionId> Ids { get; private set; } = [];

    /// <summary>True where the answer says that this attempt changed nothing and saw nothing.</summary>
    public bool IsTurnedAway => Refusal?.Reason is RefusalReason.Overloaded or RefusalReason.LedgerUnavailable;

    public bool IsUnknown => Refusal?.Reason is RefusalReason.OutcomeUnknown;

    /// <summary>True where the attempt may have taken effect, as far as its caller knows.</summary>
    public bool MayHaveTakenEffect => End != CallEnd.Answered || Refusal is null || IsUnknown;

    public void Cancel(int step, DateTimeOffset now) => (End, EndStep) = (CallEnd.Cancelled, At(step, now));

    public void Complete<T>(Outcome<T> outcome, Func<T, string> text, IReadOnlyList<TransactionId> ids, int step, long durable, long archived, DateTimeOffset now)
        where T : class
    {
        (End, EndStep, DurableAtEnd, ArchivedAtEnd) = (CallEnd.Answered, At(step, now), durable, archived);
        (Refusal, IsReplay, Ids) = (outcome.Refusal, outcome.IsReplay, ids);
        (Answer, Value) = outcome.TryGet(out var value, out var refusal) ? (text(value), value) : (Text.Of(refusal), null);
    }

    public override string ToString() => $"{Operation} at {Meter.Name} (steps {StartStep}..{(EndStep == int.MaxValue ? "end" : EndStep)}, durable {DurableAtStart}..{(DurableAtEnd == long.MaxValue ? "end" : DurableAtEnd)})";

    private int At(int step, DateTimeOffset now)
    {
        Clocks.Add(now);
        return step;
    }
}
