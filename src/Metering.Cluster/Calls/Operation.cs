using Metering.Core;

namespace Metering.Cluster;

/// <summary>What sending a call twice does.</summary>
internal enum Repetition
{
    /// <summary>It reads: nothing.</summary>
    Read,

    /// <summary>It has an idempotency key, or gets one: the second is answered with the first one's answer.</summary>
    Keyed,

    /// <summary>The second would be refused, and nobody could tell whose the first was.</summary>
    Once,
}

/// <summary>Which calls a call travels with, and so whose answers its own waits for.</summary>
internal enum Lane
{
    /// <summary>With the writes of the silo's other accounts: all wait for a commit.</summary>
    Writes,

    /// <summary>With the balances of the silo's other accounts, which wait for nothing.</summary>
    Balances,

    /// <summary>With calls of its kind to the same account: what may take long, have a large answer, or must not be lost with others' time-out.</summary>
    Alone,
}

/// <summary>One operation of the meter: how it runs where the account lives, and how it gets there.</summary>
/// <param name="Repetition">What sending it twice does.</param>
/// <param name="Run">Runs it on the account's engine.</param>
/// <param name="ToCall">Makes its message.</param>
internal sealed record Operation<TRequest, TAnswer>(
    Repetition Repetition,
    Func<ICreditMeter, AccountId, TRequest, CancellationToken, ValueTask<Outcome<TAnswer>>> Run,
    Func<TRequest, AccountCall> ToCall)
    where TAnswer : class
{
    /// <summary>Which calls it travels with.</summary>
    public Lane Lane { get; init; } = Repetition == Repetition.Keyed ? Lane.Writes : Lane.Alone;

    /// <summary>The request's own key; null for none.</summary>
    public Func<TRequest, string?> KeyOf { get; init; } = static _ => null;

    /// <summary>
    /// Looks at a request's texts before they are sent; null for fine. The account looks at everything, but half of a surrogate pair would
    /// reach it as another character, and a text of any length would be sent just to be refused.
    /// </summary>
    public Func<TRequest, Refusal?> CheckTexts { get; init; } = static _ => null;

    /// <summary>The request with a key.</summary>
    public Func<TRequest, string, TRequest> WithKey { get; init; } = static (request, _) => request;
}

/// <summary>The operations of <see cref="ICreditMeter"/>.</summary>
internal static partial class Operations
{
    public static readonly Operation<OpenAccountRequest, Balance> Open = new(
        Repetition.Once,
        static (engine, account, request, cancellation) => engine.OpenAccountAsync(account, request, cancellation),
        static request => new OpenAccountCall { Request = request });

    public static readonly Operation<DeductRequest, Deduction> Deduct = new(
        Repetition.Keyed,
        static (engine, account, request, cancellation) => engine.DeductAsync(account, request, cancellation),
        static request => new DeductCall { Request = request })
    {
        KeyOf = static request => request.IdempotencyKey,
        WithKey = static (request, key) => request with { IdempotencyKey = key },
        CheckTexts = static request => Check(request.Description, request.Reference),
    };

    public static readonly Operation<DeductBatchRequest, BatchDeduction> DeductBatch = new(
        Repetition.Keyed,
        static (engine, account, request, cancellation) => engine.DeductBatchAsync(account, request, cancellation),
        static request => new DeductBatchCall { Request = request })
    {
        KeyOf = static request => request.IdempotencyKey,
        WithKey = static (request, key) => request with { IdempotencyKey = key },
    };

    public static readonly Operation<RecordAccessRequest, RecordAccess> AccessRecords = new(
        Repetition.Keyed,
        static (engine, account, request, cancellation) => engine.AccessRecordsAsync(account, request, cancellation),
        static request => new AccessRecordsCall { Request = request })
    {
        KeyOf = static request => request.IdempotencyKey,
        WithKey = static (request, key) => request with { IdempotencyKey = key },
        CheckTexts = static request => Check(request.Description, request.Reference)
            ?? CheckEach(request.Records, "records", static record => CommandRules.CheckText("id", record?.Id, CommandRules.MaxId)),
    };

    public static readonly Operation<GrantRequest, Posting> Grant = new(
        Repetition.Keyed,
        static (engine, account, request, cancellation) => engine.GrantAsync(account, request, cancellation),
        static request => new GrantCall { Request = request })
    {
        KeyOf = static request => request.IdempotencyKey,
        WithKey = static (request, key) => request with { IdempotencyKey = key },
        CheckTexts = static request => Check(request.Description, null) ?? CommandRules.CheckText("externalReference", request.ExternalReference, CommandRules.MaxReference),
    };

    public static readonly Operation<AdjustRequest, Posting> Adjust = new(
        Repetition.Keyed,
        static (engine, account, request, cancellation) => engine.AdjustAsync(account, request, cancellation),
        static request => new AdjustCall { Request = request })
    {
        KeyOf = static request => request.IdempotencyKey,
        WithKey = static (request, key) => request with { IdempotencyKey = key },
        CheckTexts = static request => CommandRules.CheckText("reason", request.Reason, CommandRules.MaxDescription),
    };

    public static readonly Operation<RefundRequest, Posting> Refund = new(
        Repetition.Keyed,
        static (engine, account, request, cancellation) => engine.RefundAsync(account, request, cancellation),
        static request => new RefundCall { Request = request })
    {
        KeyOf = static request => request.IdempotencyKey,
        WithKey = static (request, key) => request with { IdempotencyKey = key },
        CheckTexts = static request => Check(request.Description, null),
    };

    public static readonly Operation<PaymentRequest, Balance> RecordPayment = new(
        Repetition.Once,
        static (engine, account, request, cancellation) => engine.RecordPaymentAsync(account, request, cancellation),
        static request => new RecordPaymentCall { Request = request })
    {
        CheckTexts = static request => CommandRules.CheckText("externalReference", request.ExternalReference, CommandRules.MaxReference),
    };

    public static readonly Operation<ValueTuple, Balance> GetBalance = new(
        Repetition.Read,
        static (engine, account, _, cancellation) => engine.GetBalanceAsync(account, cancellation),
        static _ => new GetBalanceCall())
    {
        Lane = Lane.Balances,
    };

    public static readonly Operation<ValueTuple, Balance> Refresh = new(
        Repetition.Read,
        static (engine, account, _, cancellation) => engine.RefreshAsync(account, cancellation),
        static _ => new RefreshCall());

    public static readonly Operation<TransactionQuery, TransactionPage> ListTransactions = new(
        Repetition.Read,
        static (engine, account, query, cancellation) => engine.ListTransactionsAsync(account, query, cancellation),
        static query => new ListTransactionsCall { Query = query });

    public static readonly Operation<TransactionId, TransactionStatus> GetTransaction = new(
        Repetition.Read,
        static (engine, account, id, cancellation) => engine.GetTransactionAsync(account, id, cancellation),
        static id => new GetTransactionCall { Id = id });

    /// <summary>Looks at the texts of a batch's item, which has a refusal of its own.</summary>
    public static Refusal? CheckItem(DeductBatchRequest request, int index) =>
        Check(request.Items[index]?.Description, request.Items[index]?.Reference) is { } refusal ? refusal with { Field = $"items[{index}].{refusal.Field}" } : null;

    private static Refusal? Check(string? description, string? reference) =>
        CommandRules.CheckText("description", description, CommandRules.MaxDescription)
        ?? CommandRules.CheckText("reference", reference, CommandRules.MaxReference);

    private static Refusal? CheckEach<T>(IReadOnlyList<T> items, string name, Func<T, Refusal?> check)
    {
        for (var index = 0; index < items.Count; index++)
        {
            if (check(items[index]) is { } refusal)
            {
                return refusal with { Field = $"{name}[{index}].{refusal.Field}" };
            }
        }

        return null;
    }
}
