namespace Metering.Core;

/// <content>Opening, payments, grants, adjustments and refunds.</content>
public static partial class Account
{
    private const int MaxAnchorAgeYears = 100;

    private static Decision DecideOpen(AccountState state, Open command, DateTimeOffset now)
    {
        var anchor = command.Anchor?.ToLedger() ?? now;
        if (anchor > now || anchor < now.AddYears(-MaxAnchorAgeYears))
        {
            return Refusal.Invalid("anchor", $"anchor must not be in the future and at most {MaxAnchorAgeYears} years back.");
        }

        Invariant.Holds(command.Terms.PeriodMonths is 1 or 12, "A period lasts a month or a year.");
        return Decision.Append(new AccountOpened
        {
            Sequence = state.Sequence + 1,
            TransactionNumber = 0,
            CreatedAt = now,
            AppliedAt = now,
            Key = command.Key,
            Terms = command.Terms,
            Anchor = anchor,
            Period = BillingPeriods.NumberAt(anchor, command.Terms.PeriodMonths, now),
            PaidThrough = command.PaidThrough?.ToLedger(),
        });
    }

    private static Decision DecidePayment(AccountState state, RecordPayment command, DateTimeOffset now)
    {
        if (ReferenceUsed(state, command.ExternalReference) is { } used)
        {
            return used;
        }

        if (state.PaidThrough is null)
        {
            return Refusal.Invalid("paidThrough", "This account is not billed: every period is granted without a payment.");
        }

        var paidThrough = command.PaidThrough.ToLedger();
        if (paidThrough < state.PaidThrough)
        {
            return PaidAlready(state);
        }

        if (Closed(state) is { } closed)
        {
            return closed;
        }

        return Decision.Append(new PaymentRecorded
        {
            Sequence = state.Sequence + 1,
            TransactionNumber = state.TransactionNumber,
            CreatedAt = now,
            AppliedAt = now,
            Key = command.Key,
            PaidThrough = paidThrough,
            ExternalReference = command.ExternalReference,
        });
    }

    private static Decision DecideGrant(AccountState state, Grant command, DateTimeOffset now)
    {
        var expiresAt = command.ExpiresAt?.ToLedger();
        var invalid = CommandRules.CheckAmount("amount", command.Amount)
            ?? CommandRules.CheckText("description", command.Description, CommandRules.MaxDescription)
            ?? CommandRules.CheckText("externalReference", command.Reference, CommandRules.MaxReference)
            ?? ReferenceUsed(state, command.ExternalReference) // First: what has taken effect is known as such also when its end is past.
            ?? (expiresAt <= now ? Refusal.Invalid("expiresAt", "expiresAt must be in the future.") : null)
            ?? Closed(state)
            ?? TooLarge(state, command.Amount);
        if (invalid is not null)
        {
            return invalid;
        }

        return Decision.Append(new CreditsGranted
        {
            Sequence = state.Sequence + 1,
            TransactionNumber = state.TransactionNumber + 1,
            Tag = command.Tag,
            CreatedAt = now,
            AppliedAt = now,
            Key = command.Key,
            Kind = command.Kind,
            Bucket = BucketOf(command.Kind),
            Granted = command.Amount,
            ExpiresAt = expiresAt,
            BalanceAfter = state.Available + command.Amount,
            Description = command.Description,
            Reference = command.Reference,
            ExternalReference = command.ExternalReference,
        });
    }

    private static Bucket BucketOf(TransactionType kind) => kind switch
    {
        TransactionType.Bonus or TransactionType.Coupon => Bucket.Bonus,
        TransactionType.Purchase or TransactionType.TopUp => Bucket.Permanent,
        TransactionType.None or TransactionType.Deduction or TransactionType.MonthlyReset or TransactionType.Expiration or
            TransactionType.Adjustment or TransactionType.Refund or TransactionType.Reservation or TransactionType.Release =>
            throw new InvariantException($"A grant is not of type {kind}."),
        _ => throw new InvariantException($"There is no type {kind}."),
    };

    private static Decision DecideAdjust(AccountState state, Adjust command, DateTimeOffset now)
    {
        var amount = command.Amount;
        var magnitude = amount.IsNegative && amount.TenThousandths != long.MinValue ? -amount : amount;
        var invalid = CommandRules.CheckAmount("amount", magnitude)
            ?? CommandRules.CheckReason(command.Reason)
            ?? Closed(state)
            ?? (amount.IsPositive ? TooLarge(state, amount) : magnitude > state.Available ? Insufficient(magnitude, state.Available) : null);
        if (invalid is not null)
        {
            return invalid;
        }

        // No refusal from here on.
        return Decision.Append(amount.IsPositive
            ? new CreditsGranted
            {
                Sequence = state.Sequence + 1,
                TransactionNumber = state.TransactionNumber + 1,
                Tag = command.Tag,
                CreatedAt = now,
                AppliedAt = now,
                Key = command.Key,
                Kind = TransactionType.Adjustment,
                Bucket = Bucket.Bonus, // 002: bonus credits come from coupons or adjustments.
                Granted = amount,
                ExpiresAt = null,
                BalanceAfter = state.Available + amount,
                Description = command.Reason,
            }
            : new CreditsRemoved
            {
                Sequence = state.Sequence + 1,
                TransactionNumber = state.TransactionNumber + 1,
                Tag = command.Tag,
                CreatedAt = now,
                AppliedAt = now,
                Key = command.Key,
                Kind = TransactionType.Adjustment,
                Removed = magnitude,
                Burns = state.Grants.Plan(magnitude),
                BalanceAfter = state.Available - magnitude,
                Description = command.Reason,
            });
    }

    private static Decision DecideRefund(AccountState state, Refund command, DateTimeOffset now)
    {
        var invalid = (command.Amount is { } named ? CommandRules.CheckAmount("amount", named) : null)
            ?? CommandRules.CheckText("description", command.Description, CommandRules.MaxDescription);
        if (invalid is not null)
        {
            return invalid;
        }

        if (command.IsArchived)
        {
            return new Refusal(RefusalReason.TransactionArchived, "This transaction has been archived and cannot be refunded any more; an adjustment or a grant can make up for it.") { Field = "transactionId" };
        }

        if (command.Original is not { } transaction)
        {
            return new Refusal(RefusalReason.TransactionUnknown, "The account has no such transaction.") { Field = "transactionId" };
        }

        if (transaction is not CreditsSpent original)
        {
            return new Refusal(RefusalReason.TransactionNotRefundable, $"Only a DEDUCTION can be refunded; this is a {transaction.Type.ToName()}.") { Field = "transactionId" };
        }

        var before = state.Refunds.GetValueOrDefault(original.TransactionNumber);
        var left = original.Charged - before;
        var amount = command.Amount ?? left;
        if (amount > left || left.IsZero)
        {
            return new Refusal(RefusalReason.RefundExceedsCharge, $"Of {original.Charged} charged credits {left} can still be refunded.") { Field = "amount" };
        }

        if ((Closed(state) ?? TooLarge(state, amount)) is { } hindrance)
        {
            return hindrance;
        }

        // No refusal from here on.
        var isFull = amount == left;
        var (restored, monthly, carried) = RefundParts(state, original, before, amount, now);
        var inWindow = original.Sequence > state.WindowSequence;
        return Decision.Append(new CreditsRefunded
        {
            Sequence = state.Sequence + 1,
            TransactionNumber = state.TransactionNumber + 1,
            Tag = command.Tag,
            CreatedAt = now,
            AppliedAt = now,
            Key = command.Key,
            RefundOf = original.TransactionNumber,
            Refunded = amount,
            Restored = restored,
            UnusedMonthly = inWindow ? monthly : Credits.Zero,
            UnusedCarried = inWindow ? carried : Credits.Zero,
            EndedRecords = isFull ? original.Records : [],
            BalanceAfter = state.Available + amount,
            Description = command.Description.Length > 0 ? command.Description : $"Refund of {original.Id}",
        });
    }

    /// <summary>
    /// Retraces the burns of a charge from the last, behind what was refunded before. What came from a grant that has ended comes back
    /// as one bonus grant that ends with the current period (contract, rules of the pool, 4).
    /// </summary>
    private static (Burn[] Restored, Credits Monthly, Credits Carried) RefundParts(AccountState state, CreditsSpent original, Credits before, Credits amount, DateTimeOffset now)
    {
        var restored = new List<Burn>();
        var (monthly, carried, ended) = (Credits.Zero, Credits.Zero, Credits.Zero);
        for (var index = original.Burns.Length - 1; index >= 0 && amount.IsPositive; index--)
        {
            var burn = original.Burns[index];
            var skipped = Credits.Min(burn.Amount, before);
            before -= skipped;
            var part = Credits.Min(burn.Amount - skipped, amount);
            amount -= part;
            if (part.IsZero)
            {
                continue;
            }

            monthly += burn.Bucket == Bucket.Monthly ? part : Credits.Zero;
            carried += burn.Bucket == Bucket.Monthly ? Credits.Zero : part;
            if (IsEnded(state, burn, now))
            {
                ended += part;
            }
            else
            {
                restored.Add(burn with { Amount = part });
            }
        }

        Invariant.Holds(amount.IsZero, "A refund never exceeds what the charge burned.");
        if (ended.IsPositive)
        {
            restored.Add(new(state.Sequence + 1, Bucket.Bonus, ended, state.PeriodEnd));
        }

        return ([.. restored], monthly, carried);
    }

    /// <summary>True for a grant that takes nothing back: it expired, or is the allotment of a window that a change of plan closed before its time.</summary>
    private static bool IsEnded(AccountState state, in Burn burn, DateTimeOffset now) =>
        burn.ExpiresAt <= now || (burn.Bucket == Bucket.Monthly && burn.Grant < state.WindowSequence);

    private static Refusal PaidAlready(AccountState state) =>
        Refusal.Invalid("paidThrough", $"paidThrough must not be before {state.PaidThrough:yyyy-MM-dd'T'HH:mm:ss'Z'}, which is paid already.");

    private static Refusal? ReferenceUsed(AccountState state, UInt128 reference) =>
        reference != 0 && state.ExternalReferences.Contains(reference)
            ? new Refusal(RefusalReason.ReferenceUsed, "This external reference was used before; it takes effect once for ever.") { Field = "externalReference" }
            : null;

    private static Refusal? TooLarge(AccountState state, Credits added) =>
        state.Grants.Total + added > CommandRules.MaxBalance
            ? new Refusal(RefusalReason.BalanceTooLarge, $"The balance would exceed {CommandRules.MaxBalance} credits.") { Field = "amount" }
            : null;

    /// <summary>Keeps the sums of a window inside the ledger's range, for an account that is filled and emptied over and over.</summary>
    private static Refusal? TooMuchUsed(AccountState state, Credits charged) =>
        state.UsedMonthly + state.UsedCarried + charged > CommandRules.MaxBalance
            ? new Refusal(RefusalReason.BalanceTooLarge, $"The credits used since the last reset would exceed {CommandRules.MaxBalance}.") { Field = "amount" }
            : null;
}
