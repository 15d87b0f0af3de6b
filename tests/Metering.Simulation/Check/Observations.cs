namespace Metering.Simulation;

/// <summary>
/// Answers to calls that wrote nothing: refusals, free accesses, batches without a success. Each must be what the model answers on a
/// durable state that lies between what the caller's meter must have known and what was durable when the answer came.
/// </summary>
internal sealed class Observations
{
    private readonly List<CallRecord> waiting;
    private readonly Dictionary<CallRecord, long> floors;
    private readonly HashSet<CallRecord> justified = [];
    private readonly ILookup<int, CallRecord> attempts;

    public Observations(List<CallRecord> calls, Dictionary<CallRecord, long> floors)
    {
        this.floors = floors;
        attempts = calls.ToLookup(call => call.Operation.Index);
        waiting = [.. calls.Where(call => call is { End: CallEnd.Answered, IsReplay: false, IsTurnedAway: false, IsUnknown: false } &&
            call.Operation is not (BalanceOperation or RefreshOperation or ListOperation or StatusOperation))];
    }

    public bool AreJustified(CallRecord call) => justified.Contains(call);

    public IEnumerable<CallRecord> AttemptsOf(Operation operation) => attempts[operation.Index];

    public long FloorOf(CallRecord call) => floors[call];

    /// <summary>Looks from a durable state at all calls that could have seen it.</summary>
    public void Observe(ModelAccount model)
    {
        for (var index = waiting.Count - 1; index >= 0; index--)
        {
            var call = waiting[index];
            if (model.Sequence > call.DurableAtEnd)
            {
                waiting.RemoveAt(index);
            }
            else if (model.Sequence >= floors[call] && Justifies(model, call))
            {
                justified.Add(call);
                waiting.RemoveAt(index);
            }
        }
    }

    private static bool Justifies(ModelAccount model, CallRecord call)
    {
        if (ModelAccount.InvalidByItself(call.Operation) is { } invalid)
        {
            return invalid == call.Answer;
        }

        if (call is { Refusal.Reason: RefusalReason.TransactionArchived, Operation: RefundOperation refund })
        {
            return refund.Request.TransactionId.Number <= call.ArchivedAtEnd;
        }

        foreach (var clock in Moments(model, call))
        {
            var now = model.TimeAt(clock);
            if (model.NextDue(now) is not null)
            {
                continue;
            }

            if (call is { Refusal.Reason: RefusalReason.IdempotencyKeyReused, ArchivedAtEnd: > 0 } &&
                model.Decide(call.Operation, now, forgetOldKeys: false).IsReplay && !model.Decide(call.Operation, now, forgetOldKeys: true).IsReplay)
            {
                // The key is older than it is kept for, and its answer is archived.
                return true;
            }

            foreach (var forgetOldKeys in (ReadOnlySpan<bool>)[false, true])
            {
                var prediction = model.Decide(call.Operation, now, forgetOldKeys);
                if (prediction is { Lines.Count: 0, IsReplay: false } && prediction.Answer == call.Answer)
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>
    /// Instants at which the call may have been decided: its clock at the ends and around jumps, and between them the instants at which
    /// an answer can change.
    /// </summary>
    private static IEnumerable<DateTimeOffset> Moments(ModelAccount model, CallRecord call)
    {
        var (earliest, latest) = (call.Clocks.Min(), call.Clocks.Max());
        return call.Clocks
            .Concat(model.Boundaries(call.Operation, latest).SelectMany(boundary => new[] { boundary.AddMilliseconds(-1), boundary }).Where(instant => instant > earliest && instant < latest))
            .Distinct();
    }
}
