namespace Metering.Simulation;

internal sealed class SetStatusOperation(AccountStatusRequest request) : Operation
{
    public AccountStatusRequest Request => request;

    public override string? Key => request.IdempotencyKey;

    public override string ToString() => $"{Mark} {Account} becomes {request.Status} key {Key}";
}

internal sealed class CreditLimitOperation(CreditLimitRequest request) : Operation
{
    public CreditLimitRequest Request => request;

    public override string? Key => request.IdempotencyKey;

    public override string ToString() => $"{Mark} {Account} credit limit {request.Limit} key {Key}";
}

/// <summary>What a call found of the grant that it names.</summary>
internal enum GrantFound
{
    /// <summary>None is named, or none of that id is there.</summary>
    None,

    InLedger,

    Archived,
}

/// <summary>Takes back what an earlier operation granted; which transaction that is shows when it is called.</summary>
internal sealed class TakeBackOperation(int of, TakeBackRequest request) : Operation
{
    /// <summary>The operation that granted, by its index; below 0 for none.</summary>
    public int Of => of;

    /// <summary>With the id of the transaction once it was called; a retry asks for the same.</summary>
    public TakeBackRequest Request { get; set; } = request;

    public bool IsBound { get; set; }

    /// <summary>What the model takes for found: archivers run beside the calls.</summary>
    public GrantFound Found { get; set; }

    public override string? Key => Request.IdempotencyKey;

    public override string ToString() => $"{Mark} {Account} takes back {Request.Amount} of op-{of} ({Request.GrantedBy?.Number}) reference {Request.ExternalReference} key {Key}";
}

internal sealed class ChangePlanOperation(ChangePlanRequest request) : Operation
{
    public ChangePlanRequest Request => request;

    public override string? Key => request.IdempotencyKey;

    public override string ToString() => $"{Mark} {Account} plan {request.Plan} {request.When} {request.Allotment} paid {Text.Of(request.PaidThrough)} reference {request.ExternalReference} key {Key}";
}

internal sealed class CancelOperation(SubscriptionRequest request, bool isCancelled) : Operation
{
    public SubscriptionRequest Request => request;

    /// <summary>False to resume.</summary>
    public bool IsCancelled => isCancelled;

    public override string? Key => request.IdempotencyKey;

    public override string ToString() => $"{Mark} {Account} {(isCancelled ? "cancels" : "resumes")} key {Key}";
}
