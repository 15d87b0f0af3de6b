namespace Metering.Simulation;

/// <summary>One thing that a client wants, however often it has to ask.</summary>
internal abstract class Operation
{
    /// <summary>Its place in the plan; its description in the ledger is made of it.</summary>
    public required int Index { get; init; }

    public required AccountId Account { get; init; }

    /// <summary>The idempotency key; null for none. Only an operation with a key is tried again.</summary>
    public virtual string? Key => null;

    /// <summary>How often it is tried again after a 503, a cancellation or a crash.</summary>
    public int Retries { get; init; }

    /// <summary>Chooses among the meters that live when it is called.</summary>
    public int MeterChoice { get; init; }

    /// <summary>Cancelled so many milliseconds after the call; null for never.</summary>
    public int? CancelAfter { get; init; }

    public string Mark => $"op-{Index}";

    public abstract override string ToString();
}

internal sealed class OpenOperation(OpenAccountRequest request) : Operation
{
    public OpenAccountRequest Request => request;

    public override string ToString() => $"{Mark} {Account} open {request.Plan} anchor {Text.Of(request.Anchor)} paid {Text.Of(request.PaidThrough)}";
}

internal sealed class DeductOperation(DeductRequest request) : Operation
{
    public DeductRequest Request => request;

    public override string? Key => request.IdempotencyKey;

    public override string ToString() => $"{Mark} {Account} deduct {request.Amount?.ToString() ?? $"{request.Quantity} x {request.Product}"} key {Key}";
}

internal sealed class BatchOperation(DeductBatchRequest request) : Operation
{
    public DeductBatchRequest Request => request;

    public override string? Key => request.IdempotencyKey;

    public override string ToString() => $"{Mark} {Account} batch of {request.Items.Count}: {string.Join(", ", request.Items.Select(item => item.Amount?.ToString() ?? $"{item.Quantity} x {item.Product}"))} key {Key}";
}

internal sealed class AccessOperation(RecordAccessRequest request) : Operation
{
    public RecordAccessRequest Request => request;

    public override string? Key => request.IdempotencyKey;

    public override string ToString() =>
        $"{Mark} {Account} access {request.Mode} max {request.MaxCredits} {string.Join(", ", request.Records.Select(record => $"{record.Type}/{record.Id}{(record.Product is null ? "" : $" ({record.Product})")}"))} key {Key}";
}

internal sealed class VisitOperation(RecordVisitsRequest request) : Operation
{
    public RecordVisitsRequest Request => request;

    public override string? Key => request.IdempotencyKey;

    public override string ToString() => $"{Mark} {Account} visits of {string.Join(", ", request.Records.Select(record => record.Id))} seen {Text.Of(request.SeenAt)} key {Key}";
}

internal sealed class StartRecordsOperation(StartRecordsRequest request) : Operation
{
    public StartRecordsRequest Request => request;

    public override string? Key => request.IdempotencyKey;

    public override string ToString() => $"{Mark} {Account} brings {string.Join(", ", request.Records.Select(record => $"{record.Id} until {Text.Of(record.ExpiresAt)}"))} reference {request.ExternalReference} key {Key}";
}

internal sealed class GrantOperation(GrantRequest request) : Operation
{
    public GrantRequest Request => request;

    public override string? Key => request.IdempotencyKey;

    public override string ToString() => $"{Mark} {Account} grant {request.Source} {request.Amount} until {Text.Of(request.ExpiresAt)} reference {request.ExternalReference} key {Key}";
}

internal sealed class AdjustOperation(AdjustRequest request) : Operation
{
    public AdjustRequest Request => request;

    public override string? Key => request.IdempotencyKey;

    public override string ToString() => $"{Mark} {Account} adjust {request.Amount} key {Key}";
}

/// <summary>The refund of what an earlier operation charged; which transaction that is shows when it is called.</summary>
internal sealed class RefundOperation(int of, RefundRequest request) : Operation
{
    /// <summary>The operation to refund, by its index.</summary>
    public int Of => of;

    /// <summary>With the id of the transaction once it was called; a retry asks for the same.</summary>
    public RefundRequest Request { get; set; } = request;

    public bool IsBound { get; set; }

    public override string? Key => Request.IdempotencyKey;

    public override string ToString() => $"{Mark} {Account} refund {Request.Amount?.ToString() ?? "all"} of op-{of} ({Request.TransactionId.Number}) key {Key}";
}

internal sealed class PaymentOperation(PaymentRequest request) : Operation
{
    public PaymentRequest Request => request;

    public override string ToString() => $"{Mark} {Account} payment through {Text.Of(request.PaidThrough)} reference {request.ExternalReference}";
}

internal sealed class BalanceOperation : Operation
{
    public override string ToString() => $"{Mark} {Account} balance";
}

internal sealed class RefreshOperation : Operation
{
    public override string ToString() => $"{Mark} {Account} refresh";
}

internal sealed class ListOperation(TransactionQuery query) : Operation
{
    public TransactionQuery Query => query;

    public override string ToString() => $"{Mark} {Account} list {query.Limit} offset {query.Offset} before {query.Before}";
}

/// <summary>Whether the transaction of an earlier operation became durable.</summary>
internal sealed class StatusOperation(int of) : Operation
{
    public int Of => of;

    /// <summary>The id that was asked for.</summary>
    public TransactionId Id { get; set; }

    public override string ToString() => $"{Mark} {Account} status of op-{of} ({Id.Number})";
}

/// <summary>Something that a plan does at a time: a call, or what happens to processes and clocks.</summary>
/// <param name="At">World time, milliseconds.</param>
internal abstract record PlanItem(int At);

/// <summary>A client calls.</summary>
internal sealed record CallItem(int At, Operation Operation) : PlanItem(At)
{
    public override string ToString() => Operation.ToString();
}

/// <summary>A process is killed; a new one starts a little later.</summary>
internal sealed record CrashItem(int At, int Process, int DownFor) : PlanItem(At);

/// <summary>A meter is drained and a new one takes its place.</summary>
internal sealed record RestartItem(int At, int Process) : PlanItem(At);

/// <summary>A process moves old entries into the archive, with a meter of its own choice.</summary>
internal sealed record ArchiveItem(int At, int Process, int MinEntries, int BatchEntries, int BatchAccounts) : PlanItem(At);

/// <summary>Clocks jump, forward or back; -1 stands for all processes.</summary>
internal sealed record JumpItem(int At, int Process, TimeSpan By) : PlanItem(At);
