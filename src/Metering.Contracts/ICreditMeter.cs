namespace Metering;

/// <summary>
/// The meter. Every implementation (embedded, cluster, remote) keeps these promises, and one conformance suite holds them to it:
/// <list type="bullet">
/// <item>A call returns after its ledger rows are durable; a refusal, a free access and a replay after everything that they saw is.</item>
/// <item>A refusal changed nothing, except <see cref="RefusalReason.OutcomeUnknown"/>, which says that it may have.</item>
/// <item>Calls for one account take effect one after another, whatever the number of callers; the balance never goes below zero.</item>
/// <item>The same idempotency key and request get the first answer again, for at least 24 hours and across restarts.</item>
/// <item>Cancellation is honoured until the call is decided; after that it ends only the wait (<see cref="OperationCanceledException"/>),
/// and the call takes effect.</item>
/// <item>Expected refusals are values. Exceptions are bugs, a damaged ledger or cancellation; a meter that was stopped
/// answers <see cref="RefusalReason.Overloaded"/>.</item>
/// </list>
/// All members are safe for concurrent use.
/// </summary>
public interface ICreditMeter
{
    /// <summary>Opens an account and grants the first period's allotment where it is paid.</summary>
    ValueTask<Outcome<Balance>> OpenAccountAsync(AccountId account, OpenAccountRequest request, CancellationToken cancellationToken = default);

    /// <summary>Spends credits.</summary>
    ValueTask<Outcome<Deduction>> DeductAsync(AccountId account, DeductRequest request, CancellationToken cancellationToken = default);

    /// <summary>Spends credits several times, each item with an outcome of its own, all of them durable together.</summary>
    ValueTask<Outcome<BatchDeduction>> DeductBatchAsync(AccountId account, DeductBatchRequest request, CancellationToken cancellationToken = default);

    /// <summary>Pays for records that have no active subscription.</summary>
    ValueTask<Outcome<RecordAccess>> AccessRecordsAsync(AccountId account, RecordAccessRequest request, CancellationToken cancellationToken = default);

    /// <summary>
    /// Starts free subscriptions of companies that visited the customer's website; the answer charges nothing and names no transaction.
    /// Free subscriptions are not started while the account may not spend.
    /// </summary>
    ValueTask<Outcome<RecordAccess>> RecordVisitsAsync(AccountId account, RecordVisitsRequest request, CancellationToken cancellationToken = default);

    /// <summary>
    /// Starts free subscriptions with ends of their own, for operators who move them from another system; the answer charges nothing and
    /// names no transaction. A record that is subscribed for at least as long stays as it is (<see cref="RecordStatus.Active"/>). Neither
    /// level nor payment of the account matters; a closed one takes none.
    /// </summary>
    ValueTask<Outcome<RecordAccess>> StartRecordsAsync(AccountId account, StartRecordsRequest request, CancellationToken cancellationToken = default);

    /// <summary>Active record subscriptions, a page at a time; the work of a call is bounded, however long the account's ledger is.</summary>
    ValueTask<Outcome<RecordPage>> ListRecordsAsync(AccountId account, RecordQuery query, CancellationToken cancellationToken = default);

    /// <summary>Adds credits.</summary>
    ValueTask<Outcome<Posting>> GrantAsync(AccountId account, GrantRequest request, CancellationToken cancellationToken = default);

    /// <summary>Corrects a balance by hand.</summary>
    ValueTask<Outcome<Posting>> AdjustAsync(AccountId account, AdjustRequest request, CancellationToken cancellationToken = default);

    /// <summary>Gives spent credits back.</summary>
    ValueTask<Outcome<Posting>> RefundAsync(AccountId account, RefundRequest request, CancellationToken cancellationToken = default);

    /// <summary>Records that periods are paid.</summary>
    ValueTask<Outcome<Balance>> RecordPaymentAsync(AccountId account, PaymentRequest request, CancellationToken cancellationToken = default);

    /// <summary>Suspends, closes or reopens an account. The answer to a retry is the balance of now.</summary>
    ValueTask<Outcome<Balance>> SetStatusAsync(AccountId account, AccountStatusRequest request, CancellationToken cancellationToken = default);

    /// <summary>Sets how far spending may go beyond the balance. The answer to a retry is the balance of now.</summary>
    ValueTask<Outcome<Balance>> SetCreditLimitAsync(AccountId account, CreditLimitRequest request, CancellationToken cancellationToken = default);

    /// <summary>Takes credits back whose payment was refunded or disputed; what is spent of them is owed.</summary>
    ValueTask<Outcome<TakenBack>> TakeBackAsync(AccountId account, TakeBackRequest request, CancellationToken cancellationToken = default);

    /// <summary>Puts an account on another plan, now or at the end of its period.</summary>
    ValueTask<Outcome<PlanChange>> ChangePlanAsync(AccountId account, ChangePlanRequest request, CancellationToken cancellationToken = default);

    /// <summary>
    /// Cancels the subscription at the end of what is paid (<see cref="Balance.EndsAt"/>), and withdraws a planned change; cancelling again
    /// changes nothing. An unpaid one has no grace period from then on (<see cref="Balance.GraceEndsAt"/>). Where it is over already: <see cref="RefusalReason.SubscriptionInactive"/>. A payment beyond the end renews it. The
    /// answer to a retry is the balance of now.
    /// </summary>
    ValueTask<Outcome<Balance>> CancelAsync(AccountId account, SubscriptionRequest request, CancellationToken cancellationToken = default);

    /// <summary>Takes a cancellation back, also after the end; without one it changes nothing. The answer to a retry is the balance of now.</summary>
    ValueTask<Outcome<Balance>> ResumeAsync(AccountId account, SubscriptionRequest request, CancellationToken cancellationToken = default);

    /// <summary>The durable balance. Does not wait for calls under way; it waits only to load the account and to enter what is due.</summary>
    ValueTask<Outcome<Balance>> GetBalanceAsync(AccountId account, CancellationToken cancellationToken = default);

    /// <summary>Waits for the account's queue, drops what is in memory and loads it again; concurrent calls share one load.</summary>
    ValueTask<Outcome<Balance>> RefreshAsync(AccountId account, CancellationToken cancellationToken = default);

    /// <summary>Durable transactions, newest first.</summary>
    ValueTask<Outcome<TransactionPage>> ListTransactionsAsync(AccountId account, TransactionQuery query, CancellationToken cancellationToken = default);

    /// <summary>Whether a transaction became durable.</summary>
    ValueTask<Outcome<TransactionStatus>> GetTransactionAsync(AccountId account, TransactionId id, CancellationToken cancellationToken = default);
}
