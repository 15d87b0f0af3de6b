using Metering.Engine;

namespace Metering.Cluster;

/// <summary>
/// The meter of a cluster, beside a silo in its process or as a client of one. An account that lives in this process is called without a
/// message; any other through its grain. Safe for concurrent use.
/// </summary>
/// <remarks>
/// A silo may die with a call: then nobody knows whether it took effect. So a call that has no idempotency key gets one before it leaves this
/// process, and is sent again until the cluster has placed the account anew. Only opening an account and recording a payment
/// have none; those are answered with <see cref="RefusalReason.OutcomeUnknown"/>.
/// </remarks>
public sealed class OrleansCreditMeter : ICreditMeter
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    private static readonly Refusal Overloaded =
        new(RefusalReason.Overloaded, "Too many calls wait for the cluster; try again.") { RetryAfter = RetryAfter };

    private static readonly Refusal Unreachable =
        new(RefusalReason.LedgerUnavailable, "The account's process cannot be reached now, and nothing was changed; try again.") { RetryAfter = RetryAfter };

    private readonly AccountChannels channels;
    private readonly MeteringClusterOptions options;
    private readonly TimeProvider time;
    private readonly EmbeddedCreditMeter? engine;
    private readonly PlacedAccounts? placed;

    /// <param name="grains">The way to the cluster.</param>
    /// <param name="metering">For the number of calls that may wait.</param>
    /// <param name="options">How long calls are sent again.</param>
    /// <param name="time">The host's clock, for waiting.</param>
    /// <param name="local">The engine of the silo in this process; null for a client.</param>
    internal OrleansCreditMeter(IGrainFactory grains, CreditMeteringOptions metering, MeteringClusterOptions options, TimeProvider time, AccountEngine? local)
    {
        channels = new(grains, metering.QueueCapacity, local?.Silo);
        (this.options, this.time, engine, placed) = (options, time, local?.Meter, local?.Placed);
    }

    /// <inheritdoc />
    public ValueTask<Outcome<Balance>> OpenAccountAsync(AccountId account, OpenAccountRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(Operations.Open, account, request, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<Deduction>> DeductAsync(AccountId account, DeductRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(Operations.Deduct, account, request, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<BatchDeduction>> DeductBatchAsync(AccountId account, DeductBatchRequest request, CancellationToken cancellationToken = default)
    {
        Dictionary<int, Refusal>? refused = null;
        for (var index = 0; index < Math.Min(request.Items.Count, DeductBatchRequest.MaxItems); index++)
        {
            if (Operations.CheckItem(request, index) is { } refusal)
            {
                (refused ??= []).Add(index, refusal);
            }
        }

        return refused is null ? RunAsync(Operations.DeductBatch, account, request, cancellationToken) : RunAroundAsync(account, request, refused, cancellationToken);
    }

    /// <inheritdoc />
    public ValueTask<Outcome<RecordAccess>> AccessRecordsAsync(AccountId account, RecordAccessRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(Operations.AccessRecords, account, request, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<RecordAccess>> RecordVisitsAsync(AccountId account, RecordVisitsRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(Operations.RecordVisits, account, request, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<RecordAccess>> StartRecordsAsync(AccountId account, StartRecordsRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(Operations.StartRecords, account, request, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<RecordPage>> ListRecordsAsync(AccountId account, RecordQuery query, CancellationToken cancellationToken = default) =>
        RunAsync(Operations.ListRecords, account, query, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<Posting>> GrantAsync(AccountId account, GrantRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(Operations.Grant, account, request, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<Posting>> AdjustAsync(AccountId account, AdjustRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(Operations.Adjust, account, request, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<Posting>> RefundAsync(AccountId account, RefundRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(Operations.Refund, account, request, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<Balance>> RecordPaymentAsync(AccountId account, PaymentRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(Operations.RecordPayment, account, request, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<Balance>> SetStatusAsync(AccountId account, AccountStatusRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(Operations.SetStatus, account, request, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<Balance>> SetCreditLimitAsync(AccountId account, CreditLimitRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(Operations.SetCreditLimit, account, request, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<TakenBack>> TakeBackAsync(AccountId account, TakeBackRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(Operations.TakeBack, account, request, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<PlanChange>> ChangePlanAsync(AccountId account, ChangePlanRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(Operations.ChangePlan, account, request, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<Balance>> CancelAsync(AccountId account, SubscriptionRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(Operations.Cancel, account, request, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<Balance>> ResumeAsync(AccountId account, SubscriptionRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(Operations.Resume, account, request, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<Balance>> GetBalanceAsync(AccountId account, CancellationToken cancellationToken = default) =>
        RunAsync(Operations.GetBalance, account, default, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<Balance>> RefreshAsync(AccountId account, CancellationToken cancellationToken = default) =>
        RunAsync(Operations.Refresh, account, default, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<TransactionPage>> ListTransactionsAsync(AccountId account, TransactionQuery query, CancellationToken cancellationToken = default) =>
        RunAsync(Operations.ListTransactions, account, query, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<TransactionStatus>> GetTransactionAsync(AccountId account, TransactionId id, CancellationToken cancellationToken = default) =>
        RunAsync(Operations.GetTransaction, account, id, cancellationToken);

    /// <summary>
    /// A batch with items whose texts would not arrive as they are. An item that every account refuses goes in the place of each, so that all
    /// others keep theirs, and its caller hears what was wrong with his own.
    /// </summary>
    private async ValueTask<Outcome<BatchDeduction>> RunAroundAsync(
        AccountId account, DeductBatchRequest request, Dictionary<int, Refusal> refused, CancellationToken cancellationToken)
    {
        var items = request.Items.Select((item, index) => refused.ContainsKey(index) ? item with { Description = "\0", Reference = null } : item).ToArray();
        var outcome = await RunAsync(Operations.DeductBatch, account, request with { Items = items }, cancellationToken).ConfigureAwait(false);
        if (!outcome.TryGet(out var batch, out _))
        {
            return outcome;
        }

        batch = batch with { Items = [.. batch.Items.Select((item, index) => refused.TryGetValue(index, out var refusal) ? refusal : item)] };
        return outcome.IsReplay ? Outcome.Replay(batch) : batch;
    }

    private ValueTask<Outcome<TAnswer>> RunAsync<TRequest, TAnswer>(
        Operation<TRequest, TAnswer> operation, AccountId account, TRequest request, CancellationToken cancellationToken)
        where TAnswer : class
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<Outcome<TAnswer>>(cancellationToken);
        }

        if (placed?.CanPassBy(account) != true)
        {
            return SendAsync(operation, account, request, cancellationToken);
        }

        var here = operation.Run(engine!, account, request, cancellationToken);
        return here.IsCompletedSuccessfully ? here : RunHereAsync(here, operation, account, request, cancellationToken);
    }

    private async ValueTask<Outcome<TAnswer>> RunHereAsync<TRequest, TAnswer>(
        ValueTask<Outcome<TAnswer>> here, Operation<TRequest, TAnswer> operation, AccountId account, TRequest request, CancellationToken cancellationToken)
        where TAnswer : class
    {
        try
        {
            return await here.ConfigureAwait(false);
        }
        catch (AccountElsewhereException)
        {
            // It left this silo meanwhile, and the call changed nothing.
            return await SendAsync(operation, account, request, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask<Outcome<TAnswer>> SendAsync<TRequest, TAnswer>(
        Operation<TRequest, TAnswer> operation, AccountId account, TRequest request, CancellationToken cancellationToken)
        where TAnswer : class
    {
        if (operation.CheckTexts(request) is { } invalid)
        {
            return invalid;
        }

        var needsKey = operation.Repetition == Repetition.Keyed && operation.KeyOf(request) is null;
        var call = operation.ToCall(needsKey ? operation.WithKey(request, $"cluster-{Guid.NewGuid():N}") : request);
        var delivery = new Delivery(operation.Repetition, options, time);
        while (true)
        {
            AccountAnswer? answer = null;
            try
            {
                answer = await channels.SendAsync(account, operation.Lane, call, cancellationToken).ConfigureAwait(false);
                if (answer is null)
                {
                    return delivery.Doubt ?? Overloaded;
                }
            }
            catch (Exception exception) when (Delivery.IsTransient(exception, cancellationToken))
            {
                delivery.Fail(exception);
            }

            switch (answer)
            {
                case Answered<TAnswer> { Outcome.Refusal: { Reason: RefusalReason.OutcomeUnknown } unknown } when needsKey && !delivery.IsOver:
                    // The key is ours, so it is for us to find out; where that cannot be, the caller gets this answer's transaction.
                    delivery.Fail(unknown);
                    break;
                case Answered<TAnswer> { Outcome.Refusal.Reason: RefusalReason.Overloaded or RefusalReason.LedgerUnavailable } when delivery.Doubt is not null:
                    // This attempt changed nothing, but an earlier one may have.
                    break;
                case Answered<TAnswer> answered:
                    return needsKey && answered.Outcome is { IsReplay: true, IsSuccess: true } ? answered.Outcome.Value : answered.Outcome;
                case Failed failed:
                    throw failed.ToException();
                case Moved when delivery.TryFollow():
                    continue;
            }

            if (delivery.IsOver)
            {
                return delivery.Doubt ?? Unreachable;
            }

            await delivery.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }
}
