namespace Metering.Core;

/// <content>Deductions and access to records.</content>
public static partial class Account
{
    private static Decision DecideDeduct(AccountState state, Deduct command, DateTimeOffset now, TimeSpan grace)
    {
        var invalid = CommandRules.CheckProduct("product", command.Product)
            ?? CommandRules.CheckQuantity("quantity", command.Quantity)
            ?? CommandRules.CheckText("description", command.Description, CommandRules.MaxDescription)
            ?? CommandRules.CheckText("reference", command.Reference, CommandRules.MaxReference)
            ?? (command.Price.IsZero && command.Product is not null ? null : CommandRules.CheckAmount("amount", command.Price));
        if (invalid is not null)
        {
            return invalid;
        }

        if (NotUsable(state) is { } notUsable)
        {
            return notUsable;
        }

        if (command.Level > state.Terms.Level)
        {
            return LevelTooLow(command.Level, state.Terms.Level);
        }

        if (IsInactive(state, now, grace))
        {
            return Inactive(state, grace);
        }

        var charged = state.Terms.Unlimited ? Credits.Zero : command.Price;
        if (charged > state.Spendable)
        {
            return Insufficient(charged, state.Spendable);
        }

        if (TooMuchUsed(state, charged) is { } tooMuch)
        {
            return tooMuch;
        }

        // No refusal from here on.
        var extension = Extension(state, command, charged, now);
        return Decision.Append(
            new CreditsSpent
            {
                Sequence = (extension?.Sequence ?? state.Sequence) + 1,
                TransactionNumber = (extension?.TransactionNumber ?? state.TransactionNumber) + 1,
                Tag = command.Tag,
                CreatedAt = now,
                AppliedAt = now,
                Key = command.Key,
                Charged = charged,
                Burns = PlanWith(state, charged, extension),
                BalanceAfter = (extension?.BalanceAfter ?? state.Available) - charged,
                Product = command.Product,
                Quantity = command.Quantity,
                Description = command.Description,
                Reference = command.Reference,
            },
            extension: extension);
    }

    private static Decision DecideAccess(AccountState state, AccessRecords command, DateTimeOffset now, TimeSpan grace)
    {
        if (CheckAccess(state, command) is { } refusal)
        {
            return refusal;
        }

        var bill = RecordBill.Of(state, command, now, IsInactive(state, now, grace));
        if (bill.IsTooLarge)
        {
            return Refusal.Invalid("records", $"These records cost more than {CommandRules.MaxBalance} credits, which is more than an account can hold.");
        }

        if (command.Mode == AccessMode.AllOrNothing && bill.Unpaid > 0)
        {
            if (IsInactive(state, now, grace))
            {
                return Inactive(state, grace);
            }

            if (command.MaxCredits is { } max && (bill.Total > max || max.IsZero))
            {
                return new Refusal(RefusalReason.MaxCreditsExceeded, $"These records cost {bill.Total} credits; maxCredits allows {max}.") { Required = bill.Total, Available = state.Spendable };
            }

            if (bill.Total > state.Spendable)
            {
                return Insufficient(bill.Total, state.Spendable);
            }
        }

        if (TooMuchUsed(state, bill.Total) is { } tooMuch)
        {
            return tooMuch;
        }

        // No refusal from here on.
        var extension = Extension(state, command, bill.Total, now);
        var after = (extension?.BalanceAfter ?? state.Available) - bill.Total;
        var keepAnswer = command.Key is not null && bill.AnyGranted;
        var answer = keepAnswer ? AnswerCodec.EncodeRecords(after, bill.Verdicts) : default;
        if (bill.Unpaid > 0)
        {
            return Decision.Append(
                new CreditsSpent
                {
                    Sequence = (extension?.Sequence ?? state.Sequence) + 1,
                    TransactionNumber = (extension?.TransactionNumber ?? state.TransactionNumber) + 1,
                    Tag = command.Tag,
                    CreatedAt = now,
                    AppliedAt = now,
                    Key = command.Key,
                    Answer = answer,
                    Charged = bill.Total,
                    Burns = PlanWith(state, bill.Total, extension),
                    BalanceAfter = after,
                    Product = command.Product,
                    Quantity = bill.Unpaid,
                    Records = bill.Starts,
                    Description = command.Description.Length > 0 ? command.Description : $"Record access ({bill.Unpaid} of {command.Records.Length} charged)",
                    Reference = command.Reference,
                },
                bill.Verdicts,
                extension);
        }

        return !keepAnswer ? Decision.Nothing(bill.Verdicts) : Decision.Append(
            new AnswerKept
            {
                Sequence = state.Sequence + 1,
                TransactionNumber = state.TransactionNumber,
                CreatedAt = now,
                AppliedAt = now,
                Key = command.Key,
                Answer = answer,
            },
            bill.Verdicts);
    }

    private static Refusal? CheckAccess(AccountState state, AccessRecords command)
    {
        var invalid = CommandRules.CheckProduct("product", command.Product)
            ?? CommandRules.CheckText("description", command.Description, CommandRules.MaxDescription)
            ?? CommandRules.CheckText("reference", command.Reference, CommandRules.MaxReference);
        if (invalid is not null)
        {
            return invalid;
        }

        if (command.Records.Length is 0 or > RecordAccessRequest.MaxRecords)
        {
            return Refusal.Invalid("records", $"records has {command.Records.Length} items; 1 to {RecordAccessRequest.MaxRecords} are allowed.");
        }

        if (command.MaxCredits is { IsNegative: true })
        {
            return Refusal.Invalid("maxCredits", $"maxCredits is {command.MaxCredits}; 0 or more are allowed.");
        }

        var needed = AccessLevel.Trial;
        for (var index = 0; index < command.Records.Length; index++)
        {
            ref readonly var record = ref command.Records[index];
            Invariant.Holds(!record.Price.IsNegative && record.Price <= Credits.MaxAmount, "A record's price is in range.");
            if (CheckRecord(record, index) is { } malformed)
            {
                return malformed;
            }

            needed = record.Level > needed ? record.Level : needed;
        }

        return NotUsable(state) ?? (needed > state.Terms.Level ? LevelTooLow(needed, state.Terms.Level) : null);
    }

    private static Refusal? CheckRecord(in PricedRecord record, int index)
    {
        // The field's name is made only for a refusal: a call has up to 10,000 records.
        if (!string.IsNullOrEmpty(record.Type) && CommandRules.CheckProduct("type", record.Type) is null && CommandRules.CheckId("id", record.Id) is null)
        {
            return null;
        }

        var type = $"records[{index}].type";
        return string.IsNullOrEmpty(record.Type)
            ? Refusal.Invalid(type, $"{type} is missing; a product that is priced by the record is needed.")
            : CommandRules.CheckProduct(type, record.Type) ?? CommandRules.CheckId($"records[{index}].id", record.Id);
    }

    /// <summary>
    /// What a call for records costs. Records that start subscriptions are taken before the products that they cover, so that the
    /// price of a call does not depend on the order of its records.
    /// </summary>
    private sealed class RecordBill
    {
        public required RecordVerdict[] Verdicts { get; init; }

        public required RecordStart[] Starts { get; init; }

        public required Credits Total { get; init; }

        /// <summary>Records that no active subscription covered and that are charged, at 0 on unlimited plans.</summary>
        public required int Unpaid { get; init; }

        /// <summary>True where at least one record may be handed out: a success, which its idempotency key keeps.</summary>
        public bool AnyGranted => Verdicts.Any(verdict => verdict.Status != RecordStatus.Refused);

        /// <summary>True where the bill is above any balance, so that its sum was not taken to the end.</summary>
        public bool IsTooLarge => Total > CommandRules.MaxBalance;

        public static RecordBill Of(AccountState state, AccessRecords command, DateTimeOffset now, bool inactive)
        {
            var verdicts = new RecordVerdict[command.Records.Length];
            var starts = new List<RecordStart>();
            var started = new HashSet<RecordKey>();
            var today = RecordDay.Of(now);
            var lastDay = RecordDay.LastDayFrom(now);

            // 0 allows only what is subscribed already, also where a record costs nothing.
            var limit = inactive || command.MaxCredits is { IsZero: true } ? new Credits(-1)
                : command.MaxCredits is { } max ? Credits.Min(max, state.Spendable) : state.Spendable;
            var (total, unpaid) = (Credits.Zero, 0);
            foreach (var starting in (ReadOnlySpan<bool>)[true, false])
            {
                for (var index = 0; index < verdicts.Length; index++)
                {
                    ref readonly var record = ref command.Records[index];
                    if (record.Starts != starting)
                    {
                        continue;
                    }

                    if (state.Records.TryGet(record.Key, out var active) && active.IsActiveOn(today))
                    {
                        verdicts[index] = new(RecordStatus.Active, Credits.Zero, active);
                        continue;
                    }

                    if (started.Contains(record.Key))
                    {
                        verdicts[index] = new(RecordStatus.Active, Credits.Zero, lastDay);
                        continue;
                    }

                    var price = state.Terms.Unlimited ? Credits.Zero : record.Price;
                    if (command.Mode == AccessMode.UpTo && total + price > limit)
                    {
                        verdicts[index] = new(RecordStatus.Refused, Credits.Zero, null);
                        continue;
                    }

                    // Far above any balance the sum stops growing, so that ten thousand of the highest prices don't overflow it.
                    total = total > CommandRules.MaxBalance ? total : total + price;
                    unpaid++;
                    verdicts[index] = starting ? new(RecordStatus.Subscribed, price, lastDay) : new(RecordStatus.Active, price, null);
                    if (starting)
                    {
                        started.Add(record.Key);
                        starts.Add(new(record.Key, lastDay, record.Type, record.Id));
                    }
                }
            }

            return new() { Verdicts = verdicts, Starts = [.. starts], Total = total, Unpaid = unpaid };
        }
    }
}
