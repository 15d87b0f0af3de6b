namespace Metering.Gateway.Tests;

/// <summary>A meter that answers every call with one refusal, or throws: for errors that a healthy meter does not have.</summary>
internal sealed class StubMeter(Func<Refusal> answer) : ICreditMeter
{
    public ValueTask<Outcome<Balance>> OpenAccountAsync(AccountId account, OpenAccountRequest request, CancellationToken cancellationToken = default) => new(answer());

    public ValueTask<Outcome<Deduction>> DeductAsync(AccountId account, DeductRequest request, CancellationToken cancellationToken = default) => new(answer());

    public ValueTask<Outcome<BatchDeduction>> DeductBatchAsync(AccountId account, DeductBatchRequest request, CancellationToken cancellationToken = default) => new(answer());

    public ValueTask<Outcome<RecordAccess>> AccessRecordsAsync(AccountId account, RecordAccessRequest request, CancellationToken cancellationToken = default) => new(answer());

    public ValueTask<Outcome<RecordAccess>> RecordVisitsAsync(AccountId account, RecordVisitsRequest request, CancellationToken cancellationToken = default) => new(answer());

    public ValueTask<Outcome<RecordAccess>> StartRecordsAsync(AccountId account, StartRecordsRequest request, CancellationToken cancellationToken = default) => new(answer());

    public ValueTask<Outcome<RecordPage>> ListRecordsAsync(AccountId account, RecordQuery query, CancellationToken cancellationToken = default) => new(answer());

    public ValueTask<Outcome<Posting>> GrantAsync(AccountId account, GrantRequest request, CancellationToken cancellationToken = default) => new(answer());

    public ValueTask<Outcome<Posting>> AdjustAsync(AccountId account, AdjustRequest request, CancellationToken cancellationToken = default) => new(answer());

    public ValueTask<Outcome<Posting>> RefundAsync(AccountId account, RefundRequest request, CancellationToken cancellationToken = default) => new(answer());

    public ValueTask<Outcome<Balance>> RecordPaymentAsync(AccountId account, PaymentRequest request, CancellationToken cancellationToken = default) => new(answer());

    public ValueTask<Outcome<Balance>> SetStatusAsync(AccountId account, AccountStatusRequest request, CancellationToken cancellationToken = default) => new(answer());

    public ValueTask<Outcome<Balance>> SetCreditLimitAsync(AccountId account, CreditLimitRequest request, CancellationToken cancellationToken = default) => new(answer());

    public ValueTask<Outcome<TakenBack>> TakeBackAsync(AccountId account, TakeBackRequest request, CancellationToken cancellationToken = default) => new(answer());

    public ValueTask<Outcome<PlanChange>> ChangePlanAsync(AccountId account, ChangePlanRequest request, CancellationToken cancellationToken = default) => new(answer());

    public ValueTask<Outcome<Balance>> CancelAsync(AccountId account, SubscriptionRequest request, CancellationToken cancellationToken = default) => new(answer());

    public ValueTask<Outcome<Balance>> ResumeAsync(AccountId account, SubscriptionRequest request, CancellationToken cancellationToken = default) => new(answer());

    public ValueTask<Outcome<Balance>> GetBalanceAsync(AccountId account, CancellationToken cancellationToken = default) =>
        new(new Refusal(RefusalReason.LedgerUnavailable, "The balance is not known."));

    public ValueTask<Outcome<Balance>> RefreshAsync(AccountId account, CancellationToken cancellationToken = default) => new(answer());

    public ValueTask<Outcome<TransactionPage>> ListTransactionsAsync(AccountId account, TransactionQuery query, CancellationToken cancellationToken = default) => new(answer());

    public ValueTask<Outcome<TransactionStatus>> GetTransactionAsync(AccountId account, TransactionId id, CancellationToken cancellationToken = default) => new(answer());
}
