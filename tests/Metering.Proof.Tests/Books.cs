using Xunit;

namespace Metering.Proof.Tests;

/// <summary>
/// What callers were told, to be compared with what the ledger holds. It knows only what came over HTTP.
/// </summary>
internal sealed class Books(IReadOnlyList<string> keys)
{
    private readonly List<Operation> operations = [];
    private readonly Dictionary<string, Operation> byReference = [];
    private readonly List<string> lost = [];

    /// <summary>Operations sent, retries not counted.</summary>
    public int Sent => operations.Count;

    /// <summary>Operations refused for want of credits, never acknowledged.</summary>
    public int Refused => operations.Count(operation => operation.IsRefused && operation.Answer is null);

    public int Acknowledged => operations.Count(operation => operation.Answer is not null);

    /// <summary>Acknowledged operations that a comparison did not find whole, or that a retry found forgotten.</summary>
    public int Lost => lost.Count;

    /// <summary>The first loss in parentheses; empty where there is none.</summary>
    public string FirstLoss => lost.Count == 0 ? string.Empty : $" (first: {lost[0]})";

    /// <summary>Operations that a comparison found more than once.</summary>
    public int Doubled { get; private set; }

    /// <summary>Operations without an answer at the kill that were in the ledger nevertheless.</summary>
    public int KeptUnanswered { get; private set; }

    /// <summary>Answers of the retries that had been decided before.</summary>
    public int Replayed { get; private set; }

    /// <summary>Transaction ids of 503 answers ; each of them is asked for.</summary>
    public int Promised => operations.Sum(operation => operation.Promised.Count);

    public void Add(IReadOnlyList<Operation> sent)
    {
        operations.AddRange(sent);
        foreach (var operation in sent)
        {
            foreach (var reference in operation.References)
            {
                byReference.Add(reference, operation);
            }
        }
    }

    /// <summary>Compares all that was ever acknowledged, row for row, with the ledger; counts what is lost or doubled.</summary>
    public async Task CompareAsync(Caller caller)
    {
        var rows = new Dictionary<string, List<Row>>();
        for (var account = 0; account < keys.Count; account++)
        {
            var ledger = await caller.ReadRowsAsync(account);
            Assert.Equal(Enumerable.Range(1, ledger.Count).Reverse().Select(number => (long)number), ledger.Select(row => row.Number));
            Assert.Equal(await caller.ReadCreditsAsync(account), ledger.Sum(row => row.Amount));
            foreach (var row in ledger.Where(row => row.Type == "DEDUCTION"))
            {
                Assert.True(byReference.TryGetValue(row.Reference!, out var operation) && operation.Account == account, $"The ledger holds a row that nobody asked for: {row}.");
                (rows.TryGetValue(row.Reference!, out var list) ? list : rows[row.Reference!] = []).Add(row);
            }
        }

        Doubled += rows.Values.Count(found => found.Count > 1) + DoubledRecords();
        lost.AddRange(operations.Where(operation => operation.Answer is not null && !IsWhole(operation, rows))
            .Select(operation => $"{operation.Key} was acknowledged with {operation.Answer} and is not in the ledger"));
        foreach (var operation in operations.Where(operation => operation.Answer is null))
        {
            var found = operation.References.Count(rows.ContainsKey);
            Assert.True(found == 0 || found == operation.References.Count, $"{found} of {operation.References.Count} rows of {operation.Key} are in the ledger: a decision was split.");
            Assert.True(found == 0 || operation.MayHaveChanged, $"{operation.Key} was only ever refused, and is in the ledger.");
            KeptUnanswered += found == 0 ? 0 : 1;
        }

        await AskForPromisedAsync(caller, rows);
    }

    /// <summary>Retries every unanswered operation and some of the acknowledged ones, each with its own key and body.</summary>
    public async Task RetryAsync(Caller caller, Random random)
    {
        foreach (var operation in operations.Where(operation => operation.Answer is null && !operation.IsRefused))
        {
            var reply = await caller.SendAsync(operation);
            Assert.True(reply.Status == 200 || operation.IsRefused, $"A retry of {operation.Key} came to {reply.Status}: {reply.Body}");
            Replayed += reply.IsReplay ? 1 : 0;
        }

        for (var sample = 0; sample < 20 && operations.Count > 0; sample++)
        {
            var operation = operations[random.Next(operations.Count)];
            var reply = await caller.SendAsync(operation);
            if (!operation.IsRefused && (reply.Status != 200 || !reply.IsReplay || reply.Body != operation.Answer))
            {
                lost.Add($"a second call with {operation.Key} answered {reply.Status} {reply.Body} (replayed: {reply.IsReplay}) after {operation.Answer}");
            }
        }
    }

    /// <summary>Every transaction id that came with a 503 finds out what became of it, and the ledger says the same.</summary>
    private async Task AskForPromisedAsync(Caller caller, Dictionary<string, List<Row>> rows)
    {
        foreach (var (operation, id) in operations.SelectMany(operation => operation.Promised.Select(id => (operation, id))))
        {
            var status = await caller.ReadStatusAsync(operation.Account, id);
            var isThere = operation.References.Any(reference => rows.TryGetValue(reference, out var found) && found.Exists(row => row.Id == id));
            Assert.True(status == (isThere ? "charged" : "not_charged"), $"{id} of {operation.Key} is {status}, and {(isThere ? "is" : "is not")} in the ledger.");
        }
    }

    private static bool IsWhole(Operation operation, Dictionary<string, List<Row>> rows) =>
        operation.AcknowledgedRows().All(expected =>
            rows.TryGetValue(expected.Reference, out var found) && found.Exists(row => row.Id == expected.Id && row.Amount == -expected.Charged));

    private int DoubledRecords() => operations.Where(operation => operation.Answer is not null)
        .SelectMany(operation => operation.SubscribedRecords())
        .GroupBy(record => record)
        .Count(group => group.Count() > 1);

    public override string ToString() =>
        $"{Sent} operations on {keys.Count} accounts, {Acknowledged} acknowledged, {KeptUnanswered} found in the ledger without an answer, "
        + $"{Replayed} retries replayed, lost={Lost}, doubled={Doubled}{FirstLoss}";
}
