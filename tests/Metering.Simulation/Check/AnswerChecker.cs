using Metering.Core;

namespace Metering.Simulation;

/// <summary>Judges every answer by what the ledger and the model say.</summary>
internal sealed class AnswerChecker(
    AccountId account,
    Entry[] entries,
    Dictionary<int, List<Application>> applications,
    Dictionary<long, string> balances,
    Observations observations,
    bool commitsLandLate)
{
    private readonly HashSet<int> judged = [];

    public void Check(CallRecord call)
    {
        if (judged.Add(call.Operation.Index))
        {
            CheckCauses(call.Operation);
        }

        if (call.End != CallEnd.Answered || call.IsTurnedAway)
        {
            return;
        }

        foreach (var id in call.Refusal is null ? call.Ids : [])
        {
            Holds(call, IsDurable(id, call.DurableAtEnd), $"names the transaction {id.Number}, which is not durable");
        }

        switch (call.Operation)
        {
            case BalanceOperation or RefreshOperation:
                CheckBalance(call);
                break;
            case ListOperation list:
                CheckList(call, list);
                break;
            case StatusOperation status:
                CheckStatus(call, status);
                break;
            default:
                CheckCommand(call);
                break;
        }
    }

    /// <summary>Whatever took effect was asked for by an attempt that was not told otherwise, at a time that its clock showed.</summary>
    private void CheckCauses(Operation operation)
    {
        var made = applications.GetValueOrDefault(operation.Index, []);
        foreach (var application in made)
        {
            if (!Attempts(operation).Any(call => CanCause(call, application)))
            {
                throw new HistoryException($"{account}: lines {application.First}..{application.Last} hold {operation} at {Text.Of(application.At)}, and no attempt accounts for it:\n  {string.Join("\n  ", Attempts(operation).Select(call => $"{call}: {call.Answer}"))}");
            }
        }

        if (made.Count > 1 && (operation.Key is null || made.Zip(made.Skip(1)).Any(pair => pair.Second.At - pair.First.At < TimeSpan.FromHours(24))))
        {
            throw new HistoryException($"{account}: {operation} took effect {made.Count} times, at lines {string.Join(", ", made.Select(application => application.First))}.");
        }
    }

    private IEnumerable<CallRecord> Attempts(Operation operation) => observations.AttemptsOf(operation);

    /// <summary>Where a commit outlives its connection, a call that was told that nobody knows may take effect later.</summary>
    private bool CanCause(CallRecord call, Application application) =>
        call.MayHaveTakenEffect && !call.IsReplay &&
        application.First > call.DurableAtStart && (application.Last <= call.DurableAtEnd || (commitsLandLate && call.IsUnknown)) &&
        (application.At == application.TimeBefore || Between(call.Clocks, application.At));

    /// <summary>
    /// A first answer is one's own entry. Two attempts with one key that are decided on the same head at the same time of the account make
    /// the same entry to the byte; where the ledger's answer to one was lost, nobody can tell whose it is.
    /// </summary>
    private static bool MayBeOwn(CallRecord call, Application application) =>
        application.First > call.DurableAtStart || (call.Operation.Key is not null && (application.At == application.TimeBefore || Between(call.Clocks, application.At)));

    private static bool Between(List<DateTimeOffset> clocks, DateTimeOffset at) => at >= clocks.Min() && at <= clocks.Max();

    private void CheckCommand(CallRecord call)
    {
        if (call.IsUnknown)
        {
            Holds(call, call.Ids.All(id => id.Number > 0), "was told no id");
            return;
        }

        var made = applications.GetValueOrDefault(call.Operation.Index, []).Where(application => application.DecisionEnd <= call.DurableAtEnd).ToArray();
        if (call.IsReplay)
        {
            Holds(call, call.Operation.Key is not null && made.Any(application => application.Answer == call.Answer || (application.Answer == "any" && IsBalanceSince(call, application.DecisionEnd))), $"replays an answer that was never given:\n  {call.Answer}\n  {string.Join("\n  ", made.Select(application => application.Answer))}");
            return;
        }

        var isWritten = made.Any(application => MayBeOwn(call, application) &&
            (application.Answer == call.Answer || (application.Answer == "any" && IsBalanceAt(call, application.DecisionEnd))));
        Holds(call, isWritten || observations.AreJustified(call), $"was answered\n  {call.Answer}\nwhich no durable state between {observations.FloorOf(call)} and {call.DurableAtEnd} justifies{(made.Length > 0 ? $"; lines {made[^1].First}..{made[^1].Last} say\n  {made[^1].Answer}" : "")}");
    }

    private bool IsBalanceAt(CallRecord call, long sequence) => call.Value is Balance balance && balance.Sequence == sequence && call.Answer == balances[sequence];

    /// <summary>A retry is told the balance of then, not that of the first answer.</summary>
    private bool IsBalanceSince(CallRecord call, long sequence) =>
        call.Value is Balance balance && balance.Sequence >= sequence && balance.Sequence <= call.DurableAtEnd && call.Answer == balances.GetValueOrDefault(balance.Sequence);

    private void CheckBalance(CallRecord call)
    {
        if (call.Value is not Balance balance)
        {
            CheckRefusedRead(call);
            return;
        }

        Holds(call, balance.Sequence >= observations.FloorOf(call), $"shows the balance at {balance.Sequence}, behind {observations.FloorOf(call)}, which this meter had acknowledged before, or which was durable for a second");
        Holds(call, balance.Sequence <= call.DurableAtEnd, $"shows the balance at {balance.Sequence}, which is not durable");
        Holds(call, balances.TryGetValue(balance.Sequence, out var expected) && expected == call.Answer, $"shows\n  {call.Answer}\nwhere the model has\n  {balances.GetValueOrDefault(balance.Sequence, "the middle of a decision")}");
        Holds(call, balance.PeriodEnd > call.Clocks.Min(), $"shows a period that ended at {Text.Of(balance.PeriodEnd)}");
    }

    private void CheckRefusedRead(CallRecord call)
    {
        var isAllowed = call.IsUnknown || (call.Refusal!.Reason == RefusalReason.AccountUnknown && observations.FloorOf(call) == 0);
        Holds(call, isAllowed, $"was answered\n  {call.Answer}");
    }

    private void CheckList(CallRecord call, ListOperation list)
    {
        if (call.Value is not TransactionPage page)
        {
            CheckRefusedRead(call);
            return;
        }

        var least = observations.FloorOf(call) == 0 ? 0 : entries[observations.FloorOf(call) - 1].TransactionNumber;
        var most = call.DurableAtEnd == 0 ? 0 : entries[call.DurableAtEnd - 1].TransactionNumber;
        Holds(call, page.Total >= least && page.Total <= most, $"counts {page.Total} transactions where {least} to {most} are there");
        var newest = Math.Min(list.Query.Before ?? long.MaxValue, page.Total + 1) - list.Query.Offset - 1;

        // What is archived is not listed; how much that is may grow while the call is under way.
        var listed = (int)Math.Clamp(newest - call.ArchivedAtEnd, 0, list.Query.Limit);
        var count = page.Items.Count;
        Holds(call, count >= listed && count <= (int)Math.Clamp(newest - call.ArchivedAtStart, 0, list.Query.Limit), $"lists {count} transactions where {listed} were asked for and are there");
        for (var index = 0; index < count; index++)
        {
            var expected = TransactionText(newest - index);
            Holds(call, Text.Of(page.Items[index]) == expected, $"lists\n  {Text.Of(page.Items[index])}\nwhere the ledger has\n  {expected}");
            Holds(call, IsDurable(page.Items[index].Id, call.DurableAtEnd), $"lists the transaction {page.Items[index].Id}, which the ledger does not hold");
        }

        long? next = count == list.Query.Limit && newest - count + 1 > 1 ? newest - count + 1 : null;
        Holds(call, page.NextBefore == next, $"goes on at {page.NextBefore} where {next} is next");
    }

    private void CheckStatus(CallRecord call, StatusOperation status)
    {
        if (call.Value is not TransactionStatus answer)
        {
            CheckRefusedRead(call);
            return;
        }

        switch (answer.State)
        {
            case TransactionState.Charged:
                Holds(call, IsDurable(status.Id, call.DurableAtEnd), "calls a transaction charged that is not durable");
                Holds(call, Text.Of(answer.Transaction!) == TransactionText(status.Id.Number), $"shows\n  {Text.Of(answer.Transaction!)}\nwhere the ledger has\n  {TransactionText(status.Id.Number)}");
                break;
            case TransactionState.NotCharged:
                var later = entries.OfType<TransactionEntry>().FirstOrDefault(entry => entry.Id == status.Id);
                Holds(call, later is null || (later.Key is not null && later.Sequence > call.DurableAtStart), $"calls the transaction {status.Id.Number} not charged, and line {later?.Sequence} holds it");
                break;
            case TransactionState.Unknown:
                break;
            case TransactionState.Archived:
                Holds(call, status.Id.Number <= call.ArchivedAtEnd, $"calls the transaction {status.Id.Number} archived where {call.ArchivedAtEnd} are");
                break;
            default:
                throw new InvalidOperationException($"There is no state {answer.State}.");
        }
    }

    private bool IsDurable(TransactionId id, long durable) => entries.Any(entry => entry is TransactionEntry transaction && transaction.Id == id && transaction.Sequence <= durable);

    /// <summary>A transaction as a caller must see it, from the model's own line.</summary>
    private string TransactionText(long number)
    {
        var entry = entries.OfType<TransactionEntry>().First(entry => entry.TransactionNumber == number);
        var line = LedgerLine.Of(entry);
        decimal Sum(ModelBucket bucket) => line.Parts.Where(part => part.Bucket == bucket).Sum(part => part.Amount);
        return $"#{number} {line.Type} amount={Text.Of(line.Amount)} credits={Text.Of(line.BalanceAfter)} '{line.Description}' reference='{line.Reference}' " +
            $"product={line.Product} quantity={line.Quantity} buckets={Text.Of(Sum(ModelBucket.Bonus))}/{Text.Of(Sum(ModelBucket.Monthly))}/{Text.Of(Sum(ModelBucket.Permanent))} " +
            $"refundOf={line.RefundOf} created={Text.Of(line.CreatedAt)} applied={Text.Of(line.AppliedAt)}";
    }

    private void Holds(CallRecord call, bool holds, string what)
    {
        if (!holds)
        {
            throw new HistoryException($"{account}: {call} {what}.");
        }
    }
}
