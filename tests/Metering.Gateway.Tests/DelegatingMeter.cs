namespace Metering.Gateway.Tests;

/// <summary>A meter that passes the calls of these tests on; they override what they disturb.</summary>
internal abstract class DelegatingMeter(ICreditMeter inner) : ICreditMeter
{
    public ValueTask<Outcome<Balance>> OpenAccountAsync(AccountId account, OpenAccountRequest request, CancellationToken cancellationToken = default) =>
        inner.OpenAccountAsync(account, request, cancellationToken);

    public virtual ValueTask<Outcome<Deduction>> DeductAsync(AccountId account, DeductRequest request, CancellationToken cancellationToken = default) =>
        inner.DeductAsync(account, request, cancellationToken);

    public ValueTask<Outcome<BatchDeduction>> DeductBatchAsync(AccountId account, DeductBatchRequest request, CancellationToken cancellationToken = default) =>
        inner.DeductBatchAsync(account, request, cancellationToken);

    public ValueTask<Outcome<RecordAccess>> AccessRecordsAsync(AccountId account, RecordAccessRequest request, CancellationToken cancellationToken = default) =>
        inner.AccessRecordsAsync(account, request, cancellationToken);

    public ValueTask<Outcome<Posting>> GrantAsync(AccountId account, GrantRequest request, CancellationToken cancellationToken = default) =>
        inner.GrantAsync(account, request, cancellationToken);

    public ValueTask<Outcome<Posting>> AdjustAsync(AccountId account, AdjustRequest request, CancellationToken cancellationToken = default) =>
        inner.AdjustAsync(account, request, cancellationToken);

    public ValueTask<Outcome<Posting>> RefundAsync(AccountId account, RefundRequest request, CancellationToken cancellationToken = default) =>
        inner.RefundAsync(account, request, cancellationToken);

    public ValueTask<Outcome<Balance>> RecordPaymentAsync(AccountId account, PaymentRequest request, CancellationToken cancellationToken = default) =>
        inner.RecordPaymentAsync(account, request, cancellationToken);

    public ValueTask<Outcome<Balance>> GetBalanceAsync(AccountId account, CancellationToken cancellationToken = default) =>
        inner.GetBalanceAsync(account, cancellationToken);

    public virtual ValueTask<Outcome<Balance>> RefreshAsync(AccountId account, CancellationToken cancellationToken = default) =>
        inner.RefreshAsync(account, cancellationToken);

    public ValueTask<Outcome<TransactionPage>> ListTransactionsAsync(AccountId account, TransactionQuery query, CancellationToken cancellationToken = default) =>
        inner.ListTransactionsAsync(account, query, cancellationToken);

    public ValueTask<Outcome<TransactionStatus>> GetTransactionAsync(AccountId account, TransactionId id, CancellationToken cancellationToken = default) =>
        inner.GetTransactionAsync(account, id, cancellationToken);

    public ValueTask<Outcome<Balance>> SetStatusAsync(AccountId account, AccountStatusRequest request, CancellationToken cancellationToken = default) =>
        inner.SetStatusAsync(account, request, cancellationToken);

    public ValueTask<Outcome<Balance>> SetCreditLimitAsync(AccountId account, CreditLimitRequest request, CancellationToken cancellationToken = default) =>
        inner.SetCreditLimitAsync(account, request, cancellationToken);

    public ValueTask<Outcome<TakenBack>> TakeBackAsync(AccountId account, TakeBackRequest request, CancellationToken cancellationToken = default) =>
        inner.TakeBackAsync(account, request, cancellationToken);

    public ValueTask<Outcome<PlanChange>> ChangePlanAsync(AccountId account, ChangePlanRequest request, CancellationToken cancellationToken = default) =>
        inner.ChangePlanAsync(account, request, cancellationToken);

    public ValueTask<Outcome<Balance>> CancelAsync(AccountId account, SubscriptionRequest request, CancellationToken cancellationToken = default) =>
        inner.CancelAsync(account, request, cancellationToken);

    public ValueTask<Outcome<Balance>> ResumeAsync(AccountId account, SubscriptionRequest request, CancellationToken cancellationToken = default) =>
        inner.ResumeAsync(account, request, cancellationToken);

    public ValueTask<Outcome<RecordAccess>> RecordVisitsAsync(AccountId account, RecordVisitsRequest request, CancellationToken cancellationToken = default) =>
        inner.RecordVisitsAsync(account, request, cancellationToken);

    public ValueTask<Outcome<RecordAccess>> StartRecordsAsync(AccountId account, StartRecordsRequest request, CancellationToken cancellationToken = default) =>
        inner.StartRecordsAsync(account, request, cancellationToken);

    public ValueTask<Outcome<RecordPage>> ListRecordsAsync(AccountId account, RecordQuery query, CancellationToken cancellationToken = default) =>
        inner.ListRecordsAsync(account, query, cancellationToken);
}
