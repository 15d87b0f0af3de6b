using Metering.Core;

namespace Metering.Engine;

/// <summary>What a call came to, durable.</summary>
internal readonly record struct Run
{
    /// <summary>Why not; null on success.</summary>
    public Refusal? Refusal { get; init; }

    /// <summary>The entry that holds the answer; null where nothing was written.</summary>
    public Entry? Entry { get; init; }

    /// <summary>True where the entry answered the same key before.</summary>
    public bool IsReplay { get; init; }

    /// <summary>What the entry settled of a debt, entered behind it in the same commit; null where it settled nothing.</summary>
    public DebtSettled? Settlement { get; init; }

    /// <summary>The verdicts of a call for records.</summary>
    public RecordVerdict[]? Verdicts { get; init; }

    /// <summary>The answer to a batch.</summary>
    public BatchDeduction? Batch { get; init; }

    /// <summary>What could be spent after the call.</summary>
    public Credits Credits { get; init; }

    /// <summary>The last decision that the call saw, with the figures as of it; null only for a refusal.</summary>
    public QueuedDecision? Seen { get; init; }

    /// <inheritdoc cref="Seen"/>
    public BalanceView View => Seen!.View;
}

/// <summary>Makes a caller's answer.</summary>
internal delegate Outcome<T> AnswerOf<T>(in Run run)
    where T : class;

/// <summary>
/// Takes a call through its life: a slot, a decision, durability. Nobody hears of what did not last: a call that saw a state that was
/// lost is decided again on the reloaded one (design, "Nobody hears of what did not last").
/// </summary>
internal sealed class CallRunner(
    ILedgerStore store, GroupCommit commit, ActivationTable accounts, Freshness freshness, TimeProvider time, Func<ulong> nextTag)
{
    /// <summary>Losses in a row after which a call waits, and then gives up: another process is quicker each time.</summary>
    private const int PatientLosses = 3;

    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    private static readonly Refusal Stopping =
        new(RefusalReason.Overloaded, "This server is stopping; try again.") { RetryAfter = RetryAfter };

    private static readonly Refusal Overloaded =
        new(RefusalReason.Overloaded, "Too many calls wait for the ledger; try again.") { RetryAfter = RetryAfter };

    public static Refusal Unavailable(LedgerUnavailableException exception) =>
        new(RefusalReason.LedgerUnavailable, $"The ledger cannot be reached now, and nothing was changed; try again. ({exception.Message})") { RetryAfter = RetryAfter };

    private static readonly Refusal NotWritten =
        new(RefusalReason.LedgerUnavailable, "The ledger cannot be written now, and nothing was changed; try again.") { RetryAfter = RetryAfter };

    private static readonly Refusal AnswerArchived =
        new(RefusalReason.IdempotencyKeyReused, "This idempotency key was used before, and its answer has been archived; use a new key for a new request.");

    /// <summary>
    /// Runs a call. The common way takes two steps without anything asynchronous in between: the decision on an account in memory, here,
    /// and the answer, made by the release of its commit. Whatever is not common goes the long way.
    /// </summary>
    public ValueTask<Outcome<T>> RunAsync<T>(AccountId account, Call call, AnswerOf<T> answer, CancellationToken cancellationToken)
        where T : class
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<Outcome<T>>(cancellationToken);
        }

        if (!accounts.TryGetLive(account, out var activation))
        {
            return RunLongAsync(account, call, answer, null, cancellationToken);
        }

        Attempt attempt;
        try
        {
            if (!commit.TryTakeSlot())
            {
                return new(NoSlot());
            }

            if (!TryDecide(activation, call, out attempt) || attempt.Decision.Core.MustLookUpKey)
            {
                return RunLongAsync(account, call, answer, null, cancellationToken);
            }
        }
        catch (Exception exception)
        {
            return ValueTask.FromException<Outcome<T>>(exception);
        }

        if (attempt.SeenThrough.IsDurable)
        {
            return IsAnswered(attempt) ? new(answer(Answer(attempt))) : RunLongAsync(account, call, answer, attempt, cancellationToken);
        }

        return new PendingCall<T>(this, account, call, attempt, answer).StartAsync(cancellationToken);
    }

    /// <summary>True where a durable attempt needs no more than <see cref="Answer"/>: no row of the ledger, and no look at its head.</summary>
    public bool IsAnswered(in Attempt attempt) =>
        attempt.Decision.Core.ReplayOf == 0 && (attempt.UsedSlot || freshness.IsFresh(attempt.SeenThrough.Activation));

    /// <summary>The long way, as often as it takes from a decision to its settlement; it begins with an attempt that was made already, if any.</summary>
    public async ValueTask<Run> RunLongAsync(AccountId account, Call call, Attempt? made, CancellationToken cancellationToken)
    {
        try
        {
            for (var losses = 0; ; losses++)
            {
                if (losses >= PatientLosses)
                {
                    if (losses > PatientLosses)
                    {
                        return new() { Refusal = Overloaded };
                    }

                    await Task.Delay(TimeSpan.FromMilliseconds(20 + (nextTag() & 63)), time, cancellationToken);
                }

                var (refusal, attempt) = made is { } first && losses == 0 ? (null, first) : await DecideAsync(account, call, cancellationToken);
                if (refusal is not null)
                {
                    return new() { Refusal = refusal };
                }

                if (await SettleAsync(account, attempt, cancellationToken) is { } run)
                {
                    return run;
                }
            }
        }
        catch (LedgerUnavailableException exception)
        {
            return new() { Refusal = Unavailable(exception) };
        }
    }

    private async ValueTask<Outcome<T>> RunLongAsync<T>(AccountId account, Call call, AnswerOf<T> answer, Attempt? made, CancellationToken cancellationToken)
        where T : class => answer(await RunLongAsync(account, call, made, cancellationToken));

    private async ValueTask<(Refusal? Refusal, Attempt Attempt)> DecideAsync(AccountId account, Call call, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (commit.IsStopping)
            {
                return (Stopping, default);
            }

            var activation = await accounts.GetAsync(account);
            cancellationToken.ThrowIfCancellationRequested();
            if (!commit.TryTakeSlot())
            {
                return (NoSlot(), default);
            }

            if (!TryDecide(activation, call, out var attempt))
            {
                await activation.Gone.OrCancelledAsync(cancellationToken);
                continue;
            }

            if (!attempt.Decision.Core.MustLookUpKey)
            {
                return (null, attempt);
            }

            // Only a durable ledger can be asked, so what is on its way comes first; if it is lost, the next round sees another state.
            await attempt.SeenThrough.WhenReleasedAsync().OrCancelledAsync(cancellationToken);
            call.Evidence = await LookUpAsync(account, activation.View.Sequence, call.Key!.Value);
        }
    }

    private Refusal NoSlot() => commit.IsStopping ? Stopping : commit.Fatal.IsCompleted ? NotWritten : Overloaded;

    /// <summary>Decides on an account in memory, with a slot taken, which goes back where nothing was queued. Nothing here waits.</summary>
    private bool TryDecide(AccountActivation activation, Call call, out Attempt attempt)
    {
        var isDecided = false;
        attempt = default;
        try
        {
            isDecided = activation.TryDecide(call, time.GetUtcNow().ToLedger(), out attempt);
        }
        finally
        {
            if (!isDecided || !attempt.UsedSlot)
            {
                commit.ReturnSlot();
            }
        }

        if (isDecided)
        {
            commit.KickOnTheSpot();
            accounts.MakeRoom(activation);
        }

        return isDecided;
    }

    /// <summary>Waits until what the attempt saw is durable. Null where it has to be decided again.</summary>
    private async ValueTask<Run?> SettleAsync(AccountId account, Attempt attempt, CancellationToken cancellationToken)
    {
        var seen = attempt.SeenThrough;
        var release = seen.IsDurable ? Release.Durable : await seen.WhenReleasedAsync().OrCancelledAsync(cancellationToken);
        var own = attempt.Decision.Core.Entry;
        switch (release)
        {
            case Release.Durable when !attempt.UsedSlot && attempt.Decision.Core.ReplayOf == 0 && !await freshness.IsCurrentAsync(seen.Activation):
            case Release.Lost:
                return null;
            case Release.Durable:
                return await AnswerAsync(account, attempt);
            case Release.Unavailable:
                // Who only looked looks again; who wanted to write hears that nothing was written.
                return attempt.UsedSlot ? new Run { Refusal = NotWritten } : null;
            case Release.Unknown when !attempt.UsedSlot && !commit.Fatal.IsCompleted:
                return null;
            case Release.Unknown:
                return await FindOutAsync(account, attempt, own);
            case Release.Rejected:
                throw new LedgerContentException("The ledger refused the content of this call, and nothing was changed.");
            default:
                throw new InvariantException($"There is no release {release}.");
        }
    }

    /// <summary>The answer to a commit was lost: the reloaded ledger tells whether the attempt's entries are there.</summary>
    private async ValueTask<Run?> FindOutAsync(AccountId account, Attempt attempt, Entry? own)
    {
        // The call's own entry, not just its last: what falls due by it may be the same entry, to the byte, in another's decision.
        if ((own ?? attempt.LastEntry) is { } entry && !commit.Fatal.IsCompleted)
        {
            try
            {
                await accounts.GetAsync(account);
                var rows = await store.ReadAsync(account, entry.Sequence, 1);
                if (rows.Count == 0 || rows[0].Sequence == entry.Sequence)
                {
                    return rows.Count == 1 && rows[0].Facts.Span.SequenceEqual(FactsOf(entry)) ? await AnswerAsync(account, attempt) : null;
                }

                // Archived meanwhile, whosever entry it was: nobody here can tell any more.
            }
            catch (Exception exception) when (exception is LedgerUnavailableException or AccountElsewhereException)
            {
                // Still unknown: the answer below says so.
            }
        }

        var id = (own as TransactionEntry)?.Id ?? attempt.Decision.Batch?.FirstTransaction();
        return new Run
        {
            // What costs nothing has no transaction to ask for.
            Refusal = new(
                RefusalReason.OutcomeUnknown,
                $"The ledger did not say whether this call was written; {(id is null ? "it charges nothing: " : "ask for its transactionId or ")}retry with the same idempotency key.")
            {
                TransactionId = id,
                RetryAfter = RetryAfter,
            },
        };
    }

    private async ValueTask<Run?> AnswerAsync(AccountId account, Attempt attempt)
    {
        var decision = attempt.Decision;
        if (decision.Core.ReplayOf == 0)
        {
            return Answer(attempt);
        }

        var rows = await store.ReadAsync(account, decision.Core.ReplayOf, 1);
        if (rows[0].Sequence != decision.Core.ReplayOf)
        {
            // Keys are archived well after the time for which they are kept, but memory may hold one longer.
            return new Run { Refusal = AnswerArchived };
        }

        var entry = Views.ToEntry(rows[0]);
        return new Run { Entry = entry, Settlement = await FindSettlementAsync(account, entry), IsReplay = true, Credits = decision.Credits, Seen = attempt.SeenThrough };
    }

    /// <summary>What a durable attempt that replays nothing came to.</summary>
    public static Run Answer(in Attempt attempt)
    {
        var decision = attempt.Decision;
        return decision.Core.Refusal is { } refusal
            ? new Run { Refusal = refusal }
            : new Run
            {
                Entry = decision.Core.Entry,
                Settlement = attempt.LastEntry is DebtSettled settled && settled.Sequence == decision.Core.Entry?.Sequence + 1 ? settled : null,
                Verdicts = decision.Core.Verdicts,
                Batch = decision.Batch,
                Credits = decision.Credits,
                Seen = attempt.SeenThrough,
            };
    }

    /// <summary>What an earlier entry settled of a debt: nothing that a debt could be settled from is entered without its settlement.</summary>
    private async ValueTask<DebtSettled?> FindSettlementAsync(AccountId account, Entry entry)
    {
        if (entry is not (CreditsGranted or CreditsRefunded))
        {
            return null;
        }

        var next = await store.ReadAsync(account, entry.Sequence + 1, 1);
        return next.Count > 0 && Views.ToEntry(next[0]) is DebtSettled settled && settled.Sequence == entry.Sequence + 1 ? settled : null;
    }

    private async ValueTask<KeyEvidence> LookUpAsync(AccountId account, long lookedUpThrough, CommandKey key)
    {
        var sequence = await store.FindKeyAsync(account, key.Id);
        if (sequence > 0)
        {
            var entry = Views.ToEntry((await store.ReadAsync(account, sequence, 1))[0]);
            if (entry.Sequence == sequence && entry.AppliedAt + KeyWindow.Kept > time.GetUtcNow().ToLedger())
            {
                return new(lookedUpThrough, new KeyUse(entry.Key!.Value.Request, sequence));
            }
        }

        return new(lookedUpThrough, null);
    }

    private static ReadOnlySpan<byte> FactsOf(Entry entry)
    {
        var (facts, texts) = (new ByteWriter(), new ByteWriter());
        EntryCodec.Encode(entry, facts, texts);
        return facts.Written.Span;
    }
}
