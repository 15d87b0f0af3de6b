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

internal sealed class TakeBackOperation(TakeBackRequest request) : Operation
{
    public TakeBackRequest Request => request;

    public override string? Key => request.IdempotencyKey;

    public override string ToString() => $"{Mark} {Account} takes back {request.Amount} reference {request.ExternalReference} key {Key}";
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
