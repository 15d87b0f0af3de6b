using Metering.Core;
using Microsoft.Extensions.Logging;

namespace Metering.Engine;

/// <summary>
/// The meter inside one process: an activation per account, one group commit, one store. Orleans' place is taken by a lock per
/// account around synchronous code.
/// </summary>
public sealed partial class EmbeddedCreditMeter : ICreditMeter, IAsyncDisposable
{
    private readonly ILedgerStore store;
    private readonly TimeProvider time;
    private readonly CommandFactory commands;
    private readonly Freshness freshness;
    private readonly Finality finality;
    private readonly GroupCommit commit;
    private readonly ActivationTable accounts;
    private readonly CallRunner runner;
    private readonly RecordListing records;
    private readonly DueQueue? due;
    private readonly TimeSpan grace;
    private readonly AnswerOf<Balance> toBalance;

    /// <summary>Makes a meter on an open store.</summary>
    /// <param name="store">The ledger; the caller disposes it, after the meter.</param>
    /// <param name="options">Validated settings.</param>
    /// <param name="time">The one clock.</param>
    /// <param name="logger">For operators.</param>
    public EmbeddedCreditMeter(ILedgerStore store, CreditMeteringOptions options, TimeProvider time, ILogger<EmbeddedCreditMeter> logger)
        : this(store, options, time, logger, placement: null)
    {
    }

    /// <summary>Makes the engine of one process of a cluster, which holds the accounts that are placed on it.</summary>
    internal EmbeddedCreditMeter(ILedgerStore store, CreditMeteringOptions options, TimeProvider time, ILogger logger, IAccountPlacement? placement)
    {
        (this.store, this.time) = (store, time);
        (grace, toBalance) = (options.Grace, ToBalance);
        commands = new(options.Catalogue, options.NextTag);
        freshness = new(store, time);
        finality = new(store, time);
        commit = new(store, options, freshness, logger);
        accounts = new(store, commit, freshness, options, placement, (account, nextDue) => due?.Note(account, nextDue));
        runner = new(store, commit, accounts, freshness, time, options.NextTag);
        records = new(store, runner);
        due = placement is null && options.Due.IsEnabled && store is IDueStore notes
            ? new(new(store, notes, commit, accounts, runner), options, time, logger)
            : null;
    }

    /// <summary>Completes when the local store failed in a way that only a start from disk can mend; the host must stop the process.</summary>
    public Task<LedgerFatalException> Fatal => commit.Fatal;

    /// <summary>Decisions that wait for the ledger now.</summary>
    public int QueueDepth => commit.Depth;

    /// <summary>Accounts in memory now.</summary>
    public int ActiveAccounts => accounts.Count;

    /// <summary>
    /// Starts the queue that enters what falls due on accounts that nobody calls (<see cref="DueQueueOptions"/>), until the meter is drained. Nothing
    /// happens where it is turned off, where the store takes no notes of due times, or in a cluster, whose accounts are woken by reminders.
    /// </summary>
    public void StartDueQueue() => due?.Start();

    /// <inheritdoc />
    public ValueTask<Outcome<Balance>> OpenAccountAsync(AccountId account, OpenAccountRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(account, commands.Create(request), toBalance, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<Deduction>> DeductAsync(AccountId account, DeductRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(account, commands.Create(request), ToDeduction, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<BatchDeduction>> DeductBatchAsync(AccountId account, DeductBatchRequest request, CancellationToken cancellationToken = default) =>
        commands.Create(request).TryGet(out var call, out var invalid) ? runner.RunAsync(account, call, ToBatch, cancellationToken) : new(invalid);

    /// <inheritdoc />
    public ValueTask<Outcome<RecordAccess>> AccessRecordsAsync(AccountId account, RecordAccessRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(account, commands.Create(request), (in Run run) => ToAccess(run, request.Records), cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<RecordAccess>> RecordVisitsAsync(AccountId account, RecordVisitsRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(account, CommandFactory.Create(request), (in Run run) => ToAccess(run, request.Records), cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<RecordAccess>> StartRecordsAsync(AccountId account, StartRecordsRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(
            account,
            commands.Create(request),
            (in Run run) => run.Refusal is { } refusal ? refusal : ToAccess(run, [.. request.Records.Select(record => new RecordRequest(record.Type, record.Id))]),
            cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<RecordPage>> ListRecordsAsync(AccountId account, RecordQuery query, CancellationToken cancellationToken = default) =>
        records.ListAsync(account, query, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<Posting>> GrantAsync(AccountId account, GrantRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(account, commands.Create(request), ToPosting, cancellationToken);

    /// <inheritdoc />
    public ValueTask<Outcome<Posting>> AdjustAsync(AccountId account, AdjustRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(account, commands.Create(request), ToPosting, cancellationToken);

    /// <inheritdoc />
    public async ValueTask<Outcome<Posting>> RefundAsync(AccountId account, RefundRequest request, CancellationToken cancellationToken = default)
    {
        TransactionEntry? original;
        bool isArchived;
        try
        {
            (original, isArchived) = await FindAsync(account, request.TransactionId, cancellationToken);
            if (original is not null && (await accounts.GetAsync(account)).View.Sequence < original.Sequence)
            {
                // Another activation charged it: what is in memory here is behind the ledger and cannot judge the refund. The durable
                // view tells, because what runs ahead of it may have taken the same numbers for something that will not last.
                await accounts.RetireAsync(account);
            }
        }
        catch (LedgerUnavailableException exception)
        {
            return CallRunner.Unavailable(exception);
        }

        return await RunAsync(account, commands.Create(request, original, isArchived), ToPosting, cancellationToken);
    }

    /// <inheritdoc />
    public ValueTask<Outcome<Balance>> RecordPaymentAsync(AccountId account, PaymentRequest request, CancellationToken cancellationToken = default) =>
        RunAsync(account, CommandFactory.Create(request), toBalance, cancellationToken);

    /// <inheritdoc />
    public async ValueTask<Outcome<Balance>> GetBalanceAsync(AccountId account, CancellationToken cancellationToken = default)
    {
        var read = await ReadViewAsync(account, cancellationToken);
        return read.Refusal is { } refusal ? refusal : read.View.ToBalance(grace);
    }

    /// <inheritdoc />
    public async ValueTask<Outcome<Balance>> RefreshAsync(AccountId account, CancellationToken cancellationToken = default)
    {
        try
        {
            await accounts.RetireAsync(account);
        }
        catch (LedgerUnavailableException exception)
        {
            return CallRunner.Unavailable(exception);
        }

        return await GetBalanceAsync(account, cancellationToken);
    }

    /// <inheritdoc />
    public async ValueTask<Outcome<TransactionPage>> ListTransactionsAsync(AccountId account, TransactionQuery query, CancellationToken cancellationToken = default)
    {
        if (query.Limit is < 1 or > 1_000)
        {
            return Refusal.Invalid("limit", $"limit is {query.Limit}; 1 to 1000 are allowed.");
        }

        if (query.Offset < 0 || query.Before < 1)
        {
            return Refusal.Invalid(query.Offset < 0 ? "offset" : "cursor", query.Offset < 0 ? $"offset is {query.Offset}; 0 or more are allowed." : "cursor is not one that a list gave.");
        }

        var read = await ReadViewAsync(account, cancellationToken);
        if (read.Refusal is { } refusal)
        {
            return refusal;
        }

        var total = read.View.Transactions;
        var newest = Math.Min(query.Before ?? long.MaxValue, total + 1);
        var before = query.Offset < newest ? newest - query.Offset : 1;
        try
        {
            var rows = before <= 1 ? [] : await store.ReadTransactionsAsync(account, before, query.Limit, cancellationToken);
            var items = rows.Select(row => Views.ToTransaction((TransactionEntry)Views.ToEntry(row))).ToArray();
            return new TransactionPage(items, total, items.Length == query.Limit && items[^1].Id.Number > 1 ? items[^1].Id.Number : null);
        }
        catch (LedgerUnavailableException exception)
        {
            return CallRunner.Unavailable(exception);
        }
    }

    /// <inheritdoc />
    public async ValueTask<Outcome<TransactionStatus>> GetTransactionAsync(AccountId account, TransactionId id, CancellationToken cancellationToken = default)
    {
        var read = await ReadViewAsync(account, cancellationToken);
        if (read.Refusal is { } refusal)
        {
            return refusal;
        }

        // Looked at before the ledger: what is not in flight now and not in the ledger then was never written.
        var inFlight = accounts.TryGetLoaded(account, out var activation) && !activation!.Tail.IsReleased;
        try
        {
            var (entry, isArchived) = await FindAsync(account, id, cancellationToken);
            if (entry is null && !isArchived && !inFlight)
            {
                inFlight = !await finality.IsFinalAsync(account, id.Number, cancellationToken);
                (entry, isArchived) = store.IsShared ? await FindAsync(account, id, cancellationToken) : default;
            }

            return entry is not null ? new TransactionStatus(TransactionState.Charged, Views.ToTransaction(entry))
                : isArchived ? new TransactionStatus(TransactionState.Archived, null)
                : new TransactionStatus(inFlight || commit.Fatal.IsCompleted ? TransactionState.Unknown : TransactionState.NotCharged, null);
        }
        catch (LedgerUnavailableException exception)
        {
            return CallRunner.Unavailable(exception);
        }
    }

    /// <summary>
    /// Enters a checkpoint: the ledger's own word for a state that the account may begin with once what led to it is archived.
    /// </summary>
    /// <param name="account">The account.</param>
    /// <param name="point">Where the account stood; the caller has replayed the entries through it.</param>
    /// <param name="cancellationToken">As for every call of the meter.</param>
    /// <returns>The durable entry, or why there is none.</returns>
    internal async ValueTask<Outcome<Checkpoint>> CheckpointAsync(AccountId account, CheckpointPoint point, CancellationToken cancellationToken = default)
    {
        try
        {
            if ((await accounts.GetAsync(account)).View.Sequence < point.Through)
            {
                // Another activation appended: what is in memory here is behind the ledger and cannot vouch for it.
                await accounts.RetireAsync(account);
            }
        }
        catch (LedgerUnavailableException exception)
        {
            return CallRunner.Unavailable(exception);
        }

        return await RunAsync(account, new MakeCheckpoint { Point = point }, ToCheckpoint, cancellationToken);
    }

    /// <summary>Brings an account into memory, so that its first call need not wait for it.</summary>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read now.</exception>
    /// <exception cref="LedgerFormatException">The account is damaged.</exception>
    /// <exception cref="AccountElsewhereException">It is not placed here.</exception>
    internal async ValueTask EnterAsync(AccountId account) => await accounts.GetAsync(account);

    /// <summary>
    /// Lets go of an account that is placed here no more: waits for what is queued and in flight, and leaves a snapshot. Its placement has said
    /// no to <see cref="IAccountPlacement.IsHere"/> before.
    /// </summary>
    /// <param name="account">The account.</param>
    /// <param name="withSnapshot">True to leave a snapshot in any case; false to leave one where it spares the next load enough.</param>
    internal ValueTask LeaveAsync(AccountId account, bool withSnapshot) => accounts.LeaveAsync(account, withSnapshot);

    /// <summary>The queue of what falls due; null where there is none.</summary>
    internal DueQueue? Due => due;

    /// <summary>When something falls due on an account by itself, as its durable figures say; null where it is not in memory or not open.</summary>
    internal DateTimeOffset? NextDue(AccountId account) =>
        accounts.TryGetLive(account, out var activation) && activation.View is { IsOpen: true } view ? view.NextDue : null;

    /// <summary>
    /// Accepts no more calls, waits until everything queued is durable, and leaves snapshots behind. The meter answers
    /// <see cref="RefusalReason.Overloaded"/> from then on.
    /// </summary>
    public async ValueTask DrainAsync()
    {
        commit.Stop();
        await (due?.DisposeAsync() ?? default);
        if (!commit.Fatal.IsCompleted)
        {
            await accounts.RetireAllAsync();
            await commit.CloseAsync();
            await (due?.FlushLastAsync() ?? Task.CompletedTask);
        }
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync() => commit.IsStopping ? ValueTask.CompletedTask : DrainAsync();

    /// <summary>A replay tells the balance of now: an entry holds what changed, not what the whole account was then.</summary>
    private Outcome<Balance> ToBalance(in Run run) =>
        run.Refusal is { } refusal ? refusal : run.IsReplay ? Outcome.Replay(run.View.ToBalance(grace)) : run.View.ToBalance(grace);

    private static Outcome<Deduction> ToDeduction(in Run run)
    {
        if (run.Refusal is { } refusal)
        {
            return refusal;
        }

        var deduction = Views.ToDeduction((CreditsSpent)run.Entry!);
        return run.IsReplay ? Outcome.Replay(deduction) : deduction;
    }

    private static Outcome<BatchDeduction> ToBatch(in Run run) =>
        run.Refusal is { } refusal ? refusal
            : run.IsReplay ? Outcome.Replay(AnswerCodec.DecodeBatch(run.Entry!.Answer.Span))
            : run.Batch!;

    private static Outcome<RecordAccess> ToAccess(in Run run, IReadOnlyList<RecordRequest> request)
    {
        if (run.Refusal is { } refusal)
        {
            return refusal;
        }

        var (credits, verdicts) = run.IsReplay ? AnswerCodec.DecodeRecords(run.Entry!.Answer.Span) : (run.Credits, run.Verdicts!);
        var spent = run.Entry as CreditsSpent;
        var outcomes = new RecordOutcome[verdicts.Length];
        for (var index = 0; index < outcomes.Length; index++)
        {
            outcomes[index] = new(request[index], verdicts[index].Status, verdicts[index].Charged, verdicts[index].LastDay?.End);
        }

        var access = new RecordAccess(spent?.Id, spent?.Charged ?? Credits.Zero, credits, outcomes);
        return run.IsReplay ? Outcome.Replay(access) : access;
    }

    private static Outcome<Checkpoint> ToCheckpoint(in Run run) => run.Refusal is { } refusal ? refusal : (Checkpoint)run.Entry!;

    private static Outcome<Posting> ToPosting(in Run run)
    {
        if (run.Refusal is { } refusal)
        {
            return refusal;
        }

        var posting = Views.ToPosting((TransactionEntry)run.Entry!, run.Settlement);
        return run.IsReplay ? Outcome.Replay(posting) : posting;
    }

    private async ValueTask<(TransactionEntry? Entry, bool IsArchived)> FindAsync(AccountId account, TransactionId id, CancellationToken cancellationToken)
    {
        if (id.Number is < 1 or long.MaxValue)
        {
            return default;
        }

        var rows = await store.ReadTransactionsAsync(account, id.Number + 1, 1, cancellationToken);
        if (rows.Count == 0)
        {
            // Numbers have no gaps: one that was given out and is not there was archived. It is looked for again after the count is read, so
            // that one that was written in between is not taken for archived.
            var (_, transactions) = await store.ReadHeadAsync(account, cancellationToken);
            if (transactions < id.Number)
            {
                return default;
            }

            rows = await store.ReadTransactionsAsync(account, id.Number + 1, 1, cancellationToken);
            if (rows.Count == 0)
            {
                return (null, true);
            }
        }

        return (Views.ToEntry(rows[0]) is TransactionEntry entry && entry.Id == id ? entry : null, false);
    }

    private ValueTask<Outcome<T>> RunAsync<T>(AccountId account, Outcome<Command> command, AnswerOf<T> answer, CancellationToken cancellationToken)
        where T : class =>
        command.TryGet(out var valid, out var invalid) ? runner.RunAsync(account, new CommandCall(valid), answer, cancellationToken) : new(invalid);

    /// <summary>The durable figures, after what is due has been entered.</summary>
    private async ValueTask<Run> ReadViewAsync(AccountId account, CancellationToken cancellationToken)
    {
        AccountActivation activation;
        try
        {
            activation = await accounts.GetAsync(account);
            if (!await freshness.IsCurrentAsync(activation))
            {
                // Loaded after this call began, so it is fresh enough however long that took.
                activation = await accounts.GetAsync(account);
            }
        }
        catch (LedgerUnavailableException exception)
        {
            return new() { Refusal = CallRunner.Unavailable(exception) };
        }

        var durable = activation.Durable;
        if (!durable.View.IsOpen)
        {
            return new() { Refusal = new(RefusalReason.AccountUnknown, $"There is no account {account}.") };
        }

        if (durable.View.NextDue > time.GetUtcNow().ToLedger())
        {
            return new() { Seen = durable };
        }

        cancellationToken.ThrowIfCancellationRequested();
        return await runner.RunLongAsync(account, new DueCall(), made: null, cancellationToken);
    }
}
