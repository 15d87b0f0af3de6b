using System.Security.Cryptography;
using System.Text;

namespace Metering.Simulation;

/// <summary>What the contract says an operation comes to on a state: its answer, and the lines that it writes.</summary>
/// <param name="Answer">The answer as text; "any" where the contract leaves it open.</param>
/// <param name="Lines">The lines; none for refusals and for what costs nothing and has no key.</param>
internal sealed record Prediction(string Answer, IReadOnlyList<LedgerLine> Lines)
{
    public bool IsReplay { get; init; }

    public static Prediction Refused(string answer) => new(answer, []);
}

/// <content>What the contract says about each operation.</content>
internal sealed partial class ModelAccount
{
    private static readonly TimeSpan KeysKept = TimeSpan.FromHours(24);

    private static Catalogue Catalogue => SimulationCatalogue.Value;

    /// <summary>The hash of a key or reference as the ledger holds it.</summary>
    public static string HashOf(string text)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 16).ToArray();
        Array.Reverse(hash);
        return Convert.ToHexStringLower(hash);
    }

    /// <summary>Decides an operation. Nothing may be due at that time.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="now">The account's time.</param>
    /// <param name="forgetOldKeys">Keys are kept for 24 hours at least; true tries the answer of an account that forgets them then.</param>
    public Prediction Decide(Operation operation, DateTimeOffset now, bool forgetOldKeys)
    {
        if (InvalidByItself(operation) is { } invalid)
        {
            return Prediction.Refused(invalid);
        }

        if (!IsOpen)
        {
            return operation is OpenOperation open ? Opening(open, now) : Prediction.Refused(Text.Refused(RefusalReason.AccountUnknown));
        }

        if (operation.Key is { } key && keys.TryGetValue(key, out var use) && (!forgetOldKeys || use.At + KeysKept > now))
        {
            return use.Operation == operation.Index
                ? new(use.Answer, []) { IsReplay = true }
                : Prediction.Refused(Text.Refused(RefusalReason.IdempotencyKeyReused));
        }

        return operation switch
        {
            OpenOperation => Prediction.Refused(Text.Refused(RefusalReason.AccountExists)),
            DeductOperation deduct => Deduct(deduct.Request, deduct.Key, now),
            BatchOperation batch => Batch(batch, now),
            AccessOperation access => Access(access, now),
            VisitOperation visit => Visit(visit, now),
            StartRecordsOperation brought => StartRecords(brought, now),
            SetStatusOperation status => SetStatus(status, now),
            CreditLimitOperation limit => Limit(limit, now),
            TakeBackOperation taken => TakeBack(taken, now),
            ChangePlanOperation change => ChangePlan(change, now),
            CancelOperation cancel => Cancel(cancel, now),
            GrantOperation grant => Grant(grant, now),
            AdjustOperation adjust => Adjust(adjust, now),
            RefundOperation refund => Refund(refund, now),
            PaymentOperation payment => Payment(payment, now),
            _ => throw new InvalidOperationException($"{operation} decides nothing."),
        };
    }

    /// <summary>Refusals that a look at the request suffices for.</summary>
    public static string? InvalidByItself(Operation operation) => operation switch
    {
        DeductOperation deduct => InvalidDeduct(deduct.Request),
        AccessOperation access => InvalidAccess(access.Request),
        _ => null,
    };

    private static string? InvalidDeduct(DeductRequest request)
    {
        if (request.Amount is { } amount && !amount.IsPositive)
        {
            return Text.Refused(RefusalReason.InvalidRequest, "amount");
        }

        return request.Amount is null && !Catalogue.Products.ContainsKey(request.Product!) ? Text.Refused(RefusalReason.InvalidRequest, "product") : null;
    }

    private static string? InvalidAccess(RecordAccessRequest request)
    {
        for (var index = 0; index < request.Records.Count; index++)
        {
            if (request.Records[index].Type is not ("company" or "contact"))
            {
                return Text.Refused(RefusalReason.InvalidRequest, $"records[{index}].type");
            }
        }

        return null;
    }

    /// <summary>Instants at which the answer to an operation can change by itself.</summary>
    public IEnumerable<DateTimeOffset> Boundaries(Operation operation, DateTimeOffset latest)
    {
        yield return new(latest.UtcDateTime.Date, TimeSpan.Zero);
        if (IsOpen)
        {
            yield return PeriodEnd;
        }

        if (paidThrough is { } paid)
        {
            yield return paid;
            yield return paid.AddDays(GraceDays);
        }

        if (endsAt is { } ends)
        {
            yield return ends;
        }

        if (operation is VisitOperation { Request.SeenAt: { } seenAt })
        {
            yield return seenAt.AddMinutes(-5);
            yield return seenAt;
            yield return seenAt.AddDays(31).AddMilliseconds(1);
        }

        if (operation is StartRecordsOperation brought)
        {
            foreach (var record in brought.Request.Records)
            {
                yield return record.ExpiresAt;
            }
        }

        if (operation is GrantOperation { Request.ExpiresAt: { } expiresAt })
        {
            yield return expiresAt;
        }

        if (operation.Key is { } key && keys.TryGetValue(key, out var use))
        {
            yield return use.At + KeysKept;
        }

        foreach (var grant in grants)
        {
            if (grant.Ends is { } grantEnds)
            {
                yield return grantEnds;
            }
        }
    }

    /// <summary>Until when an unpaid account goes on spending, were it not cancelled.</summary>
    private DateTimeOffset? GraceEnd => paidThrough?.AddDays(GraceDays);

    /// <summary>A payment is waited for where one can be expected: not after a cancellation.</summary>
    private bool IsInactive(DateTimeOffset now) => endsAt is null ? GraceEnd <= now : endsAt <= now || paidThrough <= now;

    private Prediction Opening(OpenOperation operation, DateTimeOffset now)
    {
        var request = operation.Request;
        if (request.Anchor > now)
        {
            return Prediction.Refused(Text.Refused(RefusalReason.InvalidRequest, "anchor"));
        }

        var opened = new ModelAccount { plan = Catalogue.Plans[request.Plan], anchor = request.Anchor!.Value };
        return new("any", [Line(LineKind.Opened, now) with
        {
            Detail = LedgerLine.OpenedDetail(request.Plan, request.Anchor!.Value, request.PaidThrough, opened.PeriodAt(now)),
        }]);
    }

    private static decimal Price(DeductRequest request)
    {
        if (request.Amount is { } amount)
        {
            return amount.ToDecimal();
        }

        var quantity = request.Quantity ?? 1;
        return request.Product switch
        {
            _ when quantity == 0 => 0,
            "lead.search" => 2 + Math.Ceiling(quantity / 10m),
            "email.validation" => 0.25m * quantity,
            "mobile" => 5 * quantity,
            "premium" => 1.5m * quantity,
            "lead.query" or "lead.export" => quantity,
            _ => throw new InvalidOperationException($"The model has no price for {request.Product}."),
        };
    }

    private Prediction Deduct(DeductRequest request, string? key, DateTimeOffset now)
    {
        if (Barred(AccountStatus.Suspended) is { } barred)
        {
            return barred;
        }

        if (request.Product == "premium" && plan.Level < AccessLevel.Platform)
        {
            return Prediction.Refused(Text.Refused(RefusalReason.AccessLevelTooLow, level: AccessLevel.Platform));
        }

        if (IsInactive(now))
        {
            return Prediction.Refused(Text.Refused(RefusalReason.SubscriptionInactive));
        }

        var price = plan.Unlimited ? 0 : Price(request);
        if (price > Spendable)
        {
            return Prediction.Refused(Text.Refused(RefusalReason.InsufficientCredits, required: price, available: Spendable));
        }

        var (extended, parts, spent) = Spent(price, now);
        var line = spent with
        {
            Parts = parts,
            Product = request.Product,
            Quantity = request.Quantity ?? (request.Amount is null ? 1 : null),
            Description = request.Description!,
            Reference = request.Reference,
            Key = key is null ? null : HashOf(key),
        };
        return new(Text.Deducted(line.Number, price, line.BalanceAfter, SumOf(parts, ModelBucket.Bonus), SumOf(parts, ModelBucket.Monthly), SumOf(parts, ModelBucket.Permanent)), [.. extended, line]);
    }

    private static decimal SumOf(List<ModelPart> parts, ModelBucket bucket) => parts.Where(part => part.Bucket == bucket).Sum(part => part.Amount);

    private Prediction Batch(BatchOperation operation, DateTimeOffset now)
    {
        var scratch = Clone();
        var (lines, answers, charged) = (new List<LedgerLine>(), new List<string>(), 0m);
        for (var index = 0; index < operation.Request.Items.Count; index++)
        {
            var item = operation.Request.Items[index];
            var prediction = InvalidDeduct(item) is { } invalid
                ? Prediction.Refused(invalid.Replace("field=", $"field=items[{index}].", StringComparison.Ordinal))
                : scratch.Deduct(item, null, now);
            answers.Add(prediction.Answer);
            foreach (var line in prediction.Lines)
            {
                charged -= line.Kind == LineKind.Spent ? line.Amount : 0;
                lines.Add(line);
                scratch.Apply(line);
            }
        }

        if (operation.Key is { } key && lines.Count > 0)
        {
            lines.Add(scratch.Line(LineKind.AnswerKept, now) with { Key = HashOf(key) });
        }

        return new(Text.Batch(charged, scratch.Available, answers), lines);
    }

    private Prediction Access(AccessOperation operation, DateTimeOffset now)
    {
        if (Barred(AccountStatus.Suspended) is { } barred)
        {
            return barred;
        }

        var request = operation.Request;
        var today = DateOnly.FromDateTime(now.UtcDateTime);
        var lastDay = today.AddYears(1);
        var end = new DateTimeOffset(lastDay.AddDays(1).ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);
        var verdicts = new string[request.Records.Count];
        var (total, unpaid, anyGranted) = (0m, 0, false);
        var starts = new List<ModelStart>();
        var limit = IsInactive(now) || request.MaxCredits is { IsZero: true } ? -1 : Math.Min(Spendable, request.MaxCredits?.ToDecimal() ?? decimal.MaxValue);

        // Records come before what they cover, so that the order of a call does not matter for its price.
        foreach (var index in Enumerable.Range(0, verdicts.Length).OrderBy(index => request.Records[index].Product is null ? 0 : 1))
        {
            var record = request.Records[index];
            var price = plan.Unlimited ? 0m : 1m;
            if (subscriptions.TryGetValue((record.Type, record.Id), out var active) && active >= today)
            {
                verdicts[index] = Text.Verdict(record, RecordStatus.Active, 0, new DateTimeOffset(active.AddDays(1).ToDateTime(TimeOnly.MinValue), TimeSpan.Zero));
                anyGranted = true;
            }
            else if (starts.Exists(start => start.Type == record.Type && start.Id == record.Id))
            {
                verdicts[index] = Text.Verdict(record, RecordStatus.Active, 0, end);
                anyGranted = true;
            }
            else if (request.Mode == AccessMode.UpTo && total + price > limit)
            {
                verdicts[index] = Text.Verdict(record, RecordStatus.Refused, 0, null);
            }
            else
            {
                (total, unpaid, anyGranted) = (total + price, unpaid + 1, true);
                verdicts[index] = record.Product is null ? Text.Verdict(record, RecordStatus.Subscribed, price, end) : Text.Verdict(record, RecordStatus.Active, price, null);
                if (record.Product is null)
                {
                    starts.Add(new(record.Type, record.Id, lastDay));
                }
            }
        }

        if (request.Mode == AccessMode.AllOrNothing && unpaid > 0 && RefuseAccess(request, total, now) is { } refusal)
        {
            return Prediction.Refused(refusal);
        }

        var lines = AccessLines(operation, now, total, unpaid, anyGranted, starts);
        return new(Text.Access(unpaid > 0 ? lines[^1].Number : null, total, Math.Max(0, Available - total), verdicts), lines);
    }

    private string? RefuseAccess(RecordAccessRequest request, decimal total, DateTimeOffset now)
    {
        if (IsInactive(now))
        {
            return Text.Refused(RefusalReason.SubscriptionInactive);
        }

        return total > (request.MaxCredits?.ToDecimal() ?? decimal.MaxValue) || request.MaxCredits is { IsZero: true } ? Text.Refused(RefusalReason.MaxCreditsExceeded, required: total, available: Spendable)
            : total > Spendable ? Text.Refused(RefusalReason.InsufficientCredits, required: total, available: Spendable)
            : null;
    }

    private LedgerLine[] AccessLines(AccessOperation operation, DateTimeOffset now, decimal total, int unpaid, bool anyGranted, List<ModelStart> starts)
    {
        var products = operation.Request.Records.Select(record => record.Product ?? record.Type).Distinct().ToArray();
        var key = operation.Key is not null && anyGranted ? HashOf(operation.Key) : null;
        var (extended, parts, spent) = Spent(total, now);
        return unpaid > 0
            ? [.. extended, spent with
            {
                Parts = parts,
                Product = products.Length == 1 ? products[0] : null,
                Quantity = unpaid,
                Starts = starts,
                Description = operation.Mark,
                Key = key,
            }]
            : key is null ? [] : [Line(LineKind.AnswerKept, now) with { Key = key }];
    }

    private Prediction Grant(GrantOperation operation, DateTimeOffset now)
    {
        var request = operation.Request;
        if (request.ExternalReference is { } reference && references.Contains(reference))
        {
            return Prediction.Refused(Text.Refused(RefusalReason.ReferenceUsed, "externalReference"));
        }

        if (request.ExpiresAt <= now)
        {
            return Prediction.Refused(Text.Refused(RefusalReason.InvalidRequest, "expiresAt"));
        }

        if (Barred(AccountStatus.Closed) is { } barred)
        {
            return barred;
        }

        var (type, bucket) = request.Source switch
        {
            GrantSource.Bonus => (TransactionType.Bonus, ModelBucket.Bonus),
            GrantSource.Coupon => (TransactionType.Coupon, ModelBucket.Bonus),
            GrantSource.Purchase => (TransactionType.Purchase, ModelBucket.Permanent),
            GrantSource.TopUp => (TransactionType.TopUp, ModelBucket.Permanent),
            _ => throw new InvalidOperationException(),
        };
        return Posted(Transaction(LineKind.Granted, type, request.Amount.ToDecimal(), now) with
        {
            Parts = [new(Sequence + 1, bucket, request.Amount.ToDecimal(), request.ExpiresAt)],
            Description = request.Description!,
            Reference = request.ExternalReference,
            External = request.ExternalReference is null ? null : HashOf(request.ExternalReference),
        }, operation.Key);
    }

    private Prediction Adjust(AdjustOperation operation, DateTimeOffset now)
    {
        var amount = operation.Request.Amount.ToDecimal();
        if (Barred(AccountStatus.Closed) is { } barred)
        {
            return barred;
        }

        if (-amount > Available)
        {
            return Prediction.Refused(Text.Refused(RefusalReason.InsufficientCredits, required: -amount, available: Available));
        }

        return Posted(Transaction(amount > 0 ? LineKind.Granted : LineKind.Removed, TransactionType.Adjustment, amount, now) with
        {
            Parts = amount > 0 ? [new(Sequence + 1, ModelBucket.Bonus, amount, null)] : Burn(-amount),
            Description = operation.Mark,
        }, operation.Key);
    }

    private Prediction Refund(RefundOperation operation, DateTimeOffset now)
    {
        var request = operation.Request;
        if (!transactions.TryGetValue(request.TransactionId.Number, out var original) || !IsKnown(request.TransactionId))
        {
            return Prediction.Refused(Text.Refused(RefusalReason.TransactionUnknown, "transactionId"));
        }

        if (original.Line.Type != TransactionType.Deduction)
        {
            return Prediction.Refused(Text.Refused(RefusalReason.TransactionNotRefundable, "transactionId"));
        }

        var left = -original.Line.Amount - original.Refunded;
        var amount = request.Amount?.ToDecimal() ?? left;
        if (left == 0 || amount > left)
        {
            return Prediction.Refused(Text.Refused(RefusalReason.RefundExceedsCharge, "amount"));
        }

        if (Barred(AccountStatus.Closed) is { } barred)
        {
            return barred;
        }

        var retraced = Retrace(original, amount);
        var parts = retraced.Where(part => !(part.Ends <= now) && (part.Bucket != ModelBucket.Monthly || part.Grant > windowBegan)).ToList();
        var ended = amount - parts.Sum(part => part.Amount);
        if (ended > 0)
        {
            parts.Add(new(Sequence + 1, ModelBucket.Bonus, ended, PeriodEnd));
        }

        return Posted(Transaction(LineKind.Refunded, TransactionType.Refund, amount, now) with
        {
            Parts = parts,
            RefundOf = original.Line.Number,
            EndedRecords = amount == left ? [.. original.Line.Starts.Select(start => start.LastDay)] : [],
            Description = operation.Mark,
        }, operation.Key);
    }

    private Prediction Payment(PaymentOperation operation, DateTimeOffset now)
    {
        var request = operation.Request;
        if (references.Contains(request.ExternalReference))
        {
            return Prediction.Refused(Text.Refused(RefusalReason.ReferenceUsed, "externalReference"));
        }

        return paidThrough is null || request.PaidThrough < paidThrough
            ? Prediction.Refused(Text.Refused(RefusalReason.InvalidRequest, "paidThrough"))
            : Barred(AccountStatus.Closed) ?? new Prediction("any", [Line(LineKind.Paid, now) with { Detail = LedgerLine.PaidDetail(request.PaidThrough), External = HashOf(request.ExternalReference) }]);
    }

    /// <summary>A posting; what it settles of a debt is gone when its caller hears of it.</summary>
    private Prediction Posted(LedgerLine line, string? key) =>
        new(Text.Posted(line.Number, line.Type, line.Amount, line.BalanceAfter - Math.Min(owed, line.BalanceAfter)), [line with { Key = key is null ? null : HashOf(key) }]);

    private ModelAccount Clone()
    {
        var clone = new ModelAccount
        {
            GraceDays = GraceDays,
            status = status, creditLimit = creditLimit, owed = owed, endsAt = endsAt, begins = begins,
            plan = plan, anchor = anchor, paidThrough = paidThrough, period = period, grantedPeriod = grantedPeriod,
            usedMonthly = usedMonthly, usedCarried = usedCarried, windowBegan = windowBegan,
            Sequence = Sequence, Number = Number, LastApplied = LastApplied, LastCreated = LastCreated,
        };
        clone.grants.AddRange(grants);
        return clone;
    }
}
