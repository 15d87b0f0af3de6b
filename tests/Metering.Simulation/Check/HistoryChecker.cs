using Metering.Core;
using Metering.Engine;

namespace Metering.Simulation;

/// <summary>
/// Judges a run. The durable ledger gives the order in which operations took effect; the model replays them in that order and must
/// arrive at every line and every answer. What wrote nothing must be justified by a durable state that the caller could have seen.
/// </summary>
internal static class HistoryChecker
{
    /// <summary>The first thing that is wrong; null for nothing.</summary>
    public static string? Check(Simulation run)
    {
        try
        {
            foreach (var account in run.Calls.Select(call => call.Operation.Account).Distinct())
            {
                new AccountChecker(run, account).Check();
            }

            var (ledger, archive) = (new DurableReader(run.Ledger), new DurableReader(run.Archive));
            return LedgerVerifier.VerifyAsync(ledger).GetAwaiter().GetResult().Fault ?? LedgerVerifier.VerifyArchiveAsync(archive, ledger).GetAwaiter().GetResult().Fault;
        }
        catch (HistoryException exception)
        {
            return exception.Message;
        }
    }
}

/// <summary>A history that cannot be.</summary>
internal sealed class HistoryException(string message) : Exception(message);

/// <summary>Judges what became of one account.</summary>
internal sealed class AccountChecker
{
    private readonly AccountId account;
    private readonly bool commitsLandLate;
    private readonly IReadOnlyList<LedgerRow> rows;
    private readonly Entry[] entries;
    private readonly ModelAccount model;
    private readonly List<CallRecord> calls;
    private readonly Dictionary<string, Operation> byMark;
    private readonly Dictionary<string, List<Operation>> byKey;
    private readonly Dictionary<int, List<Application>> applications = [];
    private readonly Dictionary<long, string> balances = [];
    private readonly Dictionary<long, string> checkpoints = [];
    private readonly Observations observations;

    public AccountChecker(Simulation run, AccountId account)
    {
        this.account = account;
        model = new() { GraceDays = run.GraceDays };
        commitsLandLate = run.Storage == StorageKind.Database;
        rows = run.Rows(account);
        entries = [.. rows.Select(Decode)];
        calls = [.. run.Calls.Where(call => call.Operation.Account == account)];
        var operations = calls.Select(call => call.Operation).Distinct().ToArray();
        byMark = operations.ToDictionary(operation => operation.Mark);
        byKey = operations.Where(operation => operation.Key is not null).GroupBy(operation => ModelAccount.HashOf(operation.Key!)).ToDictionary(group => group.Key, group => group.ToList());
        observations = new(calls, Floors());
    }

    public void Check()
    {
        Observe();
        for (var index = 0; index < entries.Length;)
        {
            index += Replay(index);
            Observe();
        }

        var answers = new AnswerChecker(account, entries, applications, balances, observations, commitsLandLate);
        calls.ForEach(answers.Check);
    }

    private void Observe()
    {
        balances[model.Sequence] = model.BalanceText();
        checkpoints[model.Sequence] = model.CheckpointText();
        observations.Observe(model);
    }

    /// <summary>Replays what comes next: one line that was due, or all lines of one operation.</summary>
    private int Replay(int index)
    {
        var entry = entries[index];
        if (entry.AppliedAt < model.LastApplied)
        {
            throw Wrong(index, $"was applied before the line before it, at {Text.Of(model.LastApplied)}");
        }

        if (model.NextDue(entry.AppliedAt) is { } due)
        {
            Expect(index, due);
            return 1;
        }

        if (entry is Checkpoint { Point: var point })
        {
            if (rows[(int)point.Through - 1].Link != point.Link)
            {
                throw Wrong(index, $"names a link that does not stand at {point.Through}");
            }

            Expect(index, model.CheckpointLine(entry.AppliedAt, checkpoints[point.Through]));
            return 1;
        }

        var operation = Identify(index);
        var timeBefore = model.LastApplied;
        var prediction = Predict(operation, index);
        if (prediction.Lines.Count == 0)
        {
            throw Wrong(index, $"stands where the model expects {(prediction.IsReplay ? "a replay: the key was used before" : prediction.Answer)} for {operation}");
        }

        for (var line = 0; line < prediction.Lines.Count; line++)
        {
            Expect(index + line, prediction.Lines[line]);
        }

        Enter(operation);
        if (operation.Key is { } key && prediction.Lines[^1].Key is not null)
        {
            model.Keep(key, new(operation.Index, entry.AppliedAt, prediction.Answer));
        }

        // What falls due by an operation (an allotment, what settles a debt) belongs to its decision.
        var count = prediction.Lines.Count;
        while (index + count < entries.Length && model.NextDue(entry.AppliedAt) is { } following)
        {
            Expect(index + count, following);
            count++;
        }

        if (model.NextDue(entry.AppliedAt) is { } missing)
        {
            throw new HistoryException($"{account}: the ledger ends before {missing}, which belongs to the decision of {operation}.");
        }

        for (var line = index; line < index + count - 1; line++)
        {
            if (rows[line].Link is not null)
            {
                throw Wrong(line, $"ends a commit in the middle of the decision of {operation}");
            }
        }

        Applications(operation).Add(new(operation, index + 1, index + prediction.Lines.Count, index + count, entry.AppliedAt, timeBefore, prediction.Answer));
        return count;
    }

    private Prediction Predict(Operation operation, int index)
    {
        Prediction? prediction = null;
        foreach (var found in operation is TakeBackOperation taken ? FoundBy(taken) : [GrantFound.None])
        {
            (operation as TakeBackOperation)?.Found = found;
            prediction = model.Decide(operation, entries[index].AppliedAt, forgetOldKeys: true);
            if (prediction.Lines.Count == 0 || prediction.Lines[0].ToString() == LedgerLine.Of(entries[index]).ToString())
            {
                break;
            }
        }

        return prediction!;
    }

    /// <summary>What an attempt of a call may have found of the grant that it names: others append and archive meanwhile.</summary>
    private List<GrantFound> FoundBy(TakeBackOperation taken)
    {
        if (taken.Request.GrantedBy is not { } id)
        {
            return [GrantFound.None];
        }

        var attempts = observations.AttemptsOf(taken).ToList();
        var isThere = model.IsKnown(id);
        var found = new List<GrantFound>();
        if (isThere && attempts.Exists(call => id.Number > call.ArchivedAtStart))
        {
            found.Add(GrantFound.InLedger);
        }

        if (id.Number <= model.Number && attempts.Exists(call => id.Number <= call.ArchivedAtEnd))
        {
            found.Add(GrantFound.Archived);
        }

        if (!isThere || attempts.Exists(call => model.TransactionLine(id.Number).Sequence > call.DurableAtStart))
        {
            found.Add(GrantFound.None);
        }

        return found;
    }

    private void Expect(int index, LedgerLine expected)
    {
        if (index >= entries.Length)
        {
            throw new HistoryException($"{account}: the ledger ends before the line\n  {expected}\n  of a decision whose other lines are there.");
        }

        var actual = LedgerLine.Of(entries[index]).ToString();
        if (actual != expected.ToString())
        {
            throw new HistoryException($"{account}: the ledger holds\n  {actual}\nwhere the model expects\n  {expected}");
        }

        model.Apply(expected);
        if (entries[index] is TransactionEntry transaction)
        {
            model.Tag(transaction.Id);
        }
    }

    private void Enter(Operation operation)
    {
        switch (operation)
        {
            case OpenOperation open:
                model.Open(open.Request);
                break;
            case PaymentOperation payment:
                model.Pay(payment.Request);
                model.Remember(payment.Request.ExternalReference);
                break;
            case GrantOperation { Request.ExternalReference: { } reference }:
                model.Remember(reference);
                break;
            case StartRecordsOperation brought:
                model.Remember(brought.Request.ExternalReference);
                break;
            case TakeBackOperation taken:
                model.Remember(taken.Request.ExternalReference);
                break;
            case ChangePlanOperation change:
                model.Set(change);
                if (change.Request.ExternalReference is { } planReference)
                {
                    model.Remember(planReference);
                }

                break;
            default:
                model.Set(operation);
                break;
        }
    }

    /// <summary>Which operation wrote a line: its description says so, or its key, or what only it asked for.</summary>
    private Operation Identify(int index)
    {
        var line = LedgerLine.Of(entries[index]);
        var found = line.Kind switch
        {
            LineKind.Opened or LineKind.Paid => calls.Select(call => call.Operation).FirstOrDefault(operation => Describes(operation, line)),
            LineKind.AnswerKept => byKey.GetValueOrDefault(line.Key!)?.FirstOrDefault(operation => operation is AccessOperation or BatchOperation or VisitOperation or CancelOperation),
            LineKind.Extended => Identify(index + 1),
            LineKind.Status or LineKind.Limit or LineKind.PlanChanged or LineKind.Planned or LineKind.Cancellation => byKey.GetValueOrDefault(line.Key!)?[0],
            LineKind.Visited => line.Key is { } key ? byKey.GetValueOrDefault(key)?.FirstOrDefault(operation => operation is VisitOperation) : byMark.GetValueOrDefault(line.Starts[0].Id),
            LineKind.Brought => byKey.GetValueOrDefault(line.Key!)?.FirstOrDefault(operation => operation is StartRecordsOperation),
            LineKind.Granted or LineKind.Spent or LineKind.Removed or LineKind.Refunded or LineKind.TakenBack => byMark.GetValueOrDefault(line.Description.Split('/')[0]),
            LineKind.PeriodStarted => null,
            _ => null,
        };
        return found ?? throw Wrong(index, "was asked for by nobody and is not due");
    }

    private static bool Describes(Operation operation, LedgerLine line) => operation switch
    {
        OpenOperation open => line.Kind == LineKind.Opened && line.Detail.StartsWith(LedgerLine.OpenedDetail(open.Request.Plan, open.Request.Anchor!.Value, open.Request.PaidThrough, 0)[..^1], StringComparison.Ordinal),
        PaymentOperation payment => line.Kind == LineKind.Paid && line.Detail == LedgerLine.PaidDetail(payment.Request.PaidThrough),
        _ => false,
    };

    private List<Application> Applications(Operation operation)
    {
        if (!applications.TryGetValue(operation.Index, out var made))
        {
            applications.Add(operation.Index, made = []);
        }

        return made;
    }

    /// <summary>
    /// What each call must at least have seen: what was durable when its meter started, and what that meter had acknowledged before
    /// the call began.
    /// </summary>
    private Dictionary<CallRecord, long> Floors()
    {
        var sequenceOf = entries.OfType<TransactionEntry>().GroupBy(entry => entry.Id).ToDictionary(group => group.Key, group => group.Min(entry => entry.Sequence));
        long Seen(CallRecord call) => call.Value is Balance balance ? balance.Sequence
            : call.Refusal is null && call.Ids.Count > 0 ? call.Ids.Max(id => sequenceOf.GetValueOrDefault(id))
            : 0;
        var floors = new Dictionary<CallRecord, long>();
        foreach (var group in calls.GroupBy(call => call.Meter))
        {
            var acknowledged = group.Where(call => call.End == CallEnd.Answered).Select(call => (call.EndStep, Seen: Seen(call))).ToArray();
            foreach (var call in group)
            {
                var floor = Math.Max(group.Key.DurableAtStart.GetValueOrDefault(account), call.DurableSecondBefore);
                foreach (var (step, seen) in acknowledged)
                {
                    floor = step < call.StartStep && seen > floor ? seen : floor;
                }

                floors.Add(call, floor);
            }
        }

        return floors;
    }

    private HistoryException Wrong(int index, string what) => new($"{account}: the line\n  {LedgerLine.Of(entries[index])}\n{what}.");

    private static Entry Decode(LedgerRow row) => EntryCodec.Decode(row.Facts.Span, row.Texts.Span);
}
