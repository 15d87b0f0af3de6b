namespace Metering.Core;

/// <content>Changes of plan and cancellations. The latest wish counts: a change of plan takes a cancellation back, a cancellation a planned change.</content>
public static partial class Account
{
    private static Decision DecidePlan(AccountState state, ChangePlan command, DateTimeOffset now)
    {
        Invariant.Holds(command.Terms.PeriodMonths is 1 or 12, "A period lasts a month or a year.");
        var isPlanned = command.When == PlanChangeTime.PeriodEnd;

        // An account keeps the terms that it was promised, whatever the catalogue says of its plan by now: to wish for the own plan is to stay.
        var withdraws = isPlanned && state.PlannedTerms is { } planned
            && (command.Terms == state.Terms || (command.Terms.Plan == state.Terms.Plan && planned.Plan != state.Terms.Plan));
        var paidThrough = command.PaidThrough?.ToLedger();
        var invalid = (isPlanned && paidThrough is not null ? Refusal.Invalid("paidThrough", "A planned change is paid when it takes effect; leave paidThrough out.") : null)
            ?? (isPlanned && command.Allotment != PlanAllotment.Whole ? Refusal.Invalid("allotment", "Only a change that takes effect now is prorated.") : null)
            ?? (paidThrough < state.PaidThrough ? PaidAlready(state) : null)
            ?? (command.Terms == state.Terms && !withdraws ? Refusal.Invalid("plan", $"The account is on {command.Terms.Plan} already.") : null)
            ?? ReferenceUsed(state, command.ExternalReference)
            ?? Closed(state);
        if (invalid is not null)
        {
            return invalid;
        }

        // No refusal from here on.
        return Decision.Append(!isPlanned ? Change(state, command, paidThrough ?? state.PaidThrough, now) : new PlanChangePlanned
        {
            Sequence = state.Sequence + 1,
            TransactionNumber = state.TransactionNumber,
            CreatedAt = now,
            AppliedAt = now,
            Key = command.Key,
            PreviousPlan = state.Terms.Plan,
            Terms = withdraws ? null : command.Terms,
            MonthlyCredits = (withdraws ? state.Terms : command.Terms).Allotment,
            EffectiveAt = state.PeriodEnd,
            ExternalReference = command.ExternalReference,
        });
    }

    private static PlanChanged Change(AccountState state, ChangePlan command, DateTimeOffset? paidThrough, DateTimeOffset now)
    {
        // The period of the new length that this instant lies in, counted from where the current one began.
        var (terms, period) = (command.Terms, state.Period + 1);
        var begins = state.PeriodOffset + (state.Period * state.Terms.PeriodMonths);
        while (BillingPeriods.StartOf(state.Anchor, 1, begins + terms.PeriodMonths) <= now)
        {
            begins += terms.PeriodMonths;
        }

        var (start, end) = (BillingPeriods.StartOf(state.Anchor, 1, begins), BillingPeriods.StartOf(state.Anchor, 1, begins + terms.PeriodMonths));
        return new()
        {
            Sequence = state.Sequence + 1,
            TransactionNumber = state.TransactionNumber,
            CreatedAt = now,
            AppliedAt = now,
            Key = command.Key,
            PreviousPlan = state.Terms.Plan,
            Terms = terms,
            Period = period,
            PeriodOffset = begins - (period * terms.PeriodMonths),
            PeriodAllotment = command.Allotment == PlanAllotment.Whole ? terms.Allotment : Prorate(terms.Allotment, end - now, end - start),
            Kept = state.Grants.PlanMonthly(Credits.Min(state.Grants.Monthly, state.Terms.Allotment)),
            PaidThrough = paidThrough,
            ExternalReference = command.ExternalReference,
        };
    }

    private static Credits Prorate(Credits allotment, TimeSpan left, TimeSpan whole) => new((long)((Int128)allotment.TenThousandths * left.Ticks / whole.Ticks));

    private static Decision DecideCancellation(AccountState state, SetCancellation command, DateTimeOffset now, TimeSpan grace)
    {
        if (Closed(state) is { } closed)
        {
            return closed;
        }

        if (command.IsCancelled && IsOver(state, now, grace))
        {
            return Inactive(state, grace);
        }

        if (command.IsCancelled == state.EndsAt is not null)
        {
            return command.Key is null ? default : Decision.Append(new AnswerKept
            {
                Sequence = state.Sequence + 1,
                TransactionNumber = state.TransactionNumber,
                CreatedAt = now,
                AppliedAt = now,
                Key = command.Key,
            });
        }

        return Decision.Append(new CancellationChanged
        {
            Sequence = state.Sequence + 1,
            TransactionNumber = state.TransactionNumber,
            CreatedAt = now,
            AppliedAt = now,
            Key = command.Key,
            EndsAt = !command.IsCancelled ? null : state.PaidThrough > state.PeriodEnd ? state.PaidThrough : state.PeriodEnd,
        });
    }

    private static void Apply(AccountState state, PlanChanged changed)
    {
        var kept = Credits.Zero;
        foreach (var part in changed.Kept)
        {
            Invariant.Holds(part.Bucket == Bucket.Monthly, "Credits of the allotment become permanent, no others.");
            state.Grants.Take(part);
            kept += part.Amount;
        }

        if (kept.IsPositive)
        {
            state.Grants.Give(new(changed.Sequence, Bucket.Permanent, kept, null));
        }

        Invariant.Holds(changed.Period == state.Period + 1, "A change of plan begins the next period.");
        Invariant.Holds(!changed.PeriodAllotment.IsNegative && changed.PeriodAllotment <= changed.Terms.Allotment, "A period is granted its allotment at most.");
        (state.Terms, state.PeriodOffset, state.PaidThrough, state.EndsAt) = (changed.Terms, changed.PeriodOffset, changed.PaidThrough, null);
        state.PlannedTerms = null;
        BeginPeriod(state, changed.Period);
        (state.LastResetAt, state.PeriodAllotment) = (changed.CreatedAt, changed.PeriodAllotment);
        AddReference(state, changed.ExternalReference);
    }

    private static void Apply(AccountState state, PlanChangePlanned planned)
    {
        (state.PlannedTerms, state.EndsAt) = (planned.Terms, null);
        state.ForgetPeriodFigures();
        AddReference(state, planned.ExternalReference);
    }

    private static void Apply(AccountState state, CancellationChanged changed)
    {
        (state.EndsAt, state.PlannedTerms) = (changed.EndsAt, null);
        state.ForgetPeriodFigures();
    }

    /// <summary>A payment beyond the end of a cancelled subscription renews it once it is over; before, it moves the end.</summary>
    private static void Apply(AccountState state, PaymentRecorded payment)
    {
        state.PaidThrough = payment.PaidThrough;
        if (payment.PaidThrough > state.EndsAt)
        {
            state.EndsAt = state.EndsAt <= payment.AppliedAt ? null : payment.PaidThrough;
        }

        state.ForgetPeriodFigures();
        AddReference(state, payment.ExternalReference);
    }

    /// <summary>Begins the period that is due, with the plan that was planned for it.</summary>
    private static void StartPeriod(AccountState state, int period)
    {
        if (state.PlannedTerms is { } planned)
        {
            var begins = checked(state.PeriodOffset + (period * state.Terms.PeriodMonths));
            (state.Terms, state.PeriodOffset, state.PlannedTerms) = (planned, checked(begins - (period * planned.PeriodMonths)), null);
        }

        BeginPeriod(state, period);
    }

    private static void BeginPeriod(AccountState state, int period)
    {
        state.Period = period;
        state.PeriodEnd = state.StartOf(period + 1);
        (state.UsedMonthly, state.UsedCarried) = (Credits.Zero, Credits.Zero);
        (state.LastResetAt, state.WindowSequence, state.PeriodAllotment) = (state.PeriodStart, state.Sequence, state.Terms.Allotment);
        state.ForgetPeriodFigures();
    }
}
