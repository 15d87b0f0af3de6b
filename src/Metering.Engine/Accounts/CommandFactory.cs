using System.Text;
using Metering.Core;

namespace Metering.Engine;

/// <summary>
/// Turns requests into commands: checks fields, looks up prices, hashes keys, requests, references and records. Everything that costs
/// time and needs no state happens here, outside the account's lock.
/// </summary>
internal sealed partial class CommandFactory(Catalogue catalogue, Func<ulong> nextTag)
{
    /// <summary>Bytes of a canonical request whose buffer its thread keeps.</summary>
    private const int MaxKeptCanonical = 64 * 1_024;

    [ThreadStatic]
    private static ByteWriter? canonical;

    public Outcome<Command> Create(OpenAccountRequest request)
    {
        if (!TryGetTerms(request.Plan, out var terms, out var unknown))
        {
            return unknown;
        }

        return new Open
        {
            Terms = terms,
            Anchor = request.Anchor,
            PaidThrough = request.PaidThrough,
        };
    }

    public Outcome<Command> Create(DeductRequest request)
    {
        if (CheckDeduct(request) is { } invalid)
        {
            return invalid;
        }

        var product = request.Product is null ? null : catalogue.Products.GetValueOrDefault(request.Product);
        var price = request.Amount ?? product?.PriceOf(request.Quantity ?? 1);
        var key = KeyOf(request.IdempotencyKey, request, WriteRequest);
        if (price is null)
        {
            return RefuseUnlessKnown(key, product is null
                ? Refusal.Invalid("product", $"product must be one of {string.Join(", ", catalogue.Products.Keys)} where there is no amount.")
                : Refusal.Invalid("quantity", $"The price of this quantity is above {Credits.MaxAmount} credits."));
        }

        return new Deduct
        {
            Key = key,
            Tag = TagOf(key),
            Price = price.Value,
            Level = product?.Level ?? AccessLevel.Trial,
            Product = request.Product,
            Quantity = request.Quantity ?? (request.Amount is null ? 1 : null),
            Description = request.Description ?? string.Empty,
            Reference = request.Reference,
        };
    }

    public Outcome<BatchCall> Create(DeductBatchRequest request)
    {
        if (request.Items.Count is 0 or > DeductBatchRequest.MaxItems)
        {
            return Refusal.Invalid("items", $"items has {request.Items.Count} items; 1 to {DeductBatchRequest.MaxItems} are allowed.");
        }

        if (CommandRules.CheckIdempotencyKey("idempotencyKey", request.IdempotencyKey) is { } invalid)
        {
            return invalid;
        }

        var items = new Outcome<Command>[request.Items.Count];
        for (var index = 0; index < items.Length; index++)
        {
            items[index] = request.Items[index] switch
            {
                null => Refusal.Invalid($"items[{index}]", "An item is missing."),
                { IdempotencyKey: not null } => Refusal.Invalid($"items[{index}].idempotencyKey", "A batch has one idempotency key; its items have none."),
                var item => WithIndex(Create(item), index),
            };
        }

        return new BatchCall(items, KeyOf(request.IdempotencyKey, request, WriteRequest));
    }

    public Outcome<Command> Create(RecordAccessRequest request)
    {
        var invalid = CommandRules.CheckIdempotencyKey("idempotencyKey", request.IdempotencyKey)
            ?? CommandRules.CheckText("description", request.Description, CommandRules.MaxDescription)
            ?? CommandRules.CheckText("reference", request.Reference, CommandRules.MaxReference)
            ?? (request.Records.Count is 0 or > RecordAccessRequest.MaxRecords
                ? Refusal.Invalid("records", $"records has {request.Records.Count} items; 1 to {RecordAccessRequest.MaxRecords} are allowed.")
                : null);
        if (invalid is not null)
        {
            return invalid;
        }

        var key = KeyOf(request.IdempotencyKey, request, WriteRequest);
        var records = new PricedRecord[request.Records.Count];
        for (var index = 0; index < records.Length; index++)
        {
            if (Price(request.Records[index], index, out records[index]) is { } refusal)
            {
                return RefuseUnlessKnown(key, refusal);
            }
        }

        return new AccessRecords
        {
            Key = key,
            Tag = TagOf(key),
            Records = records,
            Mode = request.Mode,
            MaxCredits = request.MaxCredits,
            Product = ProductOf(request.Records),
            Description = request.Description ?? string.Empty,
            Reference = request.Reference,
        };
    }

    public Outcome<Command> Create(GrantRequest request)
    {
        var invalid = CommandRules.CheckIdempotencyKey("idempotencyKey", request.IdempotencyKey) ?? CheckExternalReference(request.ExternalReference, isRequired: false);
        if (invalid is not null)
        {
            return invalid;
        }

        var (kind, description) = request.Source switch
        {
            GrantSource.Bonus => (TransactionType.Bonus, "Bonus credits"),
            GrantSource.Coupon => (TransactionType.Coupon, "Coupon credits"),
            GrantSource.Purchase => (TransactionType.Purchase, "Credits purchased"),
            GrantSource.TopUp => (TransactionType.TopUp, "Credits topped up"),
            _ => throw new ArgumentOutOfRangeException(nameof(request), request.Source, "There is no such source."),
        };
        var key = KeyOf(request.IdempotencyKey, request, WriteRequest);
        return new Grant
        {
            Key = key,
            Tag = TagOf(key),
            Kind = kind,
            Amount = request.Amount,
            ExpiresAt = request.ExpiresAt,
            Description = request.Description ?? description,
            Reference = request.ExternalReference,
            ExternalReference = ReferenceHash(request.ExternalReference),
        };
    }

    public Outcome<Command> Create(AdjustRequest request)
    {
        if (CommandRules.CheckIdempotencyKey("idempotencyKey", request.IdempotencyKey) is { } invalid)
        {
            return invalid;
        }

        var key = KeyOf(request.IdempotencyKey, request, WriteRequest);
        return new Adjust { Key = key, Tag = TagOf(key), Amount = request.Amount, Reason = request.Reason };
    }

    public Outcome<Command> Create(RefundRequest request, TransactionEntry? original, bool isArchived)
    {
        if (CommandRules.CheckIdempotencyKey("idempotencyKey", request.IdempotencyKey) is { } invalid)
        {
            return invalid;
        }

        var key = KeyOf(request.IdempotencyKey, request, WriteRequest);
        return new Refund { Key = key, Tag = TagOf(key), Original = original, IsArchived = isArchived, Amount = request.Amount, Description = request.Description ?? string.Empty };
    }

    public static Outcome<Command> Create(PaymentRequest request)
    {
        return CheckExternalReference(request.ExternalReference, isRequired: true) is { } invalid
            ? invalid
            : new RecordPayment
            {
                PaidThrough = request.PaidThrough,
                ExternalReference = ReferenceHash(request.ExternalReference),
            };
    }

    private static Refusal? CheckDeduct(DeductRequest request) =>
        CommandRules.CheckIdempotencyKey("idempotencyKey", request.IdempotencyKey)
        ?? (request.Amount is null && request.Product is null ? Refusal.Invalid("amount", "amount is missing; give an amount, or a product and a quantity.") : null)
        ?? (request.Amount is { } amount ? CommandRules.CheckAmount("amount", amount) : null)
        ?? CommandRules.CheckProduct("product", request.Product)
        ?? CommandRules.CheckQuantity("quantity", request.Quantity)
        ?? CommandRules.CheckText("description", request.Description, CommandRules.MaxDescription)
        ?? CommandRules.CheckText("reference", request.Reference, CommandRules.MaxReference);

    private static Refusal? CheckExternalReference(string? reference, bool isRequired) =>
        isRequired && string.IsNullOrEmpty(reference)
            ? Refusal.Invalid("externalReference", $"externalReference is missing; 1 to {CommandRules.MaxReference} characters are needed.")
            : reference is { Length: 0 }
                ? Refusal.Invalid("externalReference", "externalReference is empty; leave it out or give 1 to 200 characters.")
                : CommandRules.CheckText("externalReference", reference, CommandRules.MaxReference);

    private static Outcome<Command> WithIndex(Outcome<Command> item, int index) =>
        item.TryGet(out _, out var refusal) ? item : refusal with { Field = $"items[{index}].{refusal.Field}" };

    /// <summary>The product that a call is listed under: the one of its records where they all have the same.</summary>
    private static string? ProductOf(IReadOnlyList<RecordRequest> records)
    {
        var first = records[0].Product ?? records[0].Type;
        return records.All(record => (record.Product ?? record.Type) == first) ? first : null;
    }

    private Refusal? Price(RecordRequest? record, int index, out PricedRecord priced)
    {
        priced = default;
        var invalid = record is null
            ? Refusal.Invalid($"records[{index}]", "A record is missing.")
            : CommandRules.CheckId($"records[{index}].id", record.Id);
        if (invalid is not null)
        {
            return invalid;
        }

        if (!catalogue.Products.TryGetValue(record!.Type ?? string.Empty, out var type) || !type.IsRecord)
        {
            return NoRecordType(index);
        }

        var product = type;
        if (record.Product is not null && record.Product != type.Id && (!catalogue.Products.TryGetValue(record.Product, out product) || product.CoveredBy != type.Id))
        {
            var products = catalogue.Products.Values.Where(candidate => candidate.CoveredBy == type.Id).Select(candidate => candidate.Id);
            return Refusal.Invalid($"records[{index}].product", $"records[{index}].product must be {string.Join(", ", products.Prepend(type.Id))} or be left out.");
        }

        if (product.PriceOf(1) is not { } price)
        {
            return Refusal.Invalid($"records[{index}].product", $"The price of {product.Id} is above {Credits.MaxAmount} credits.");
        }

        priced = new(RecordKey.Of(type.Id, record.Id), type.Id, record.Id, price, product.IsRecord, product.Level);
        return null;
    }

    /// <summary>The catalogue may have changed since the key was used: a retry must still hear its first answer.</summary>
    private static Outcome<Command> RefuseUnlessKnown(CommandKey? key, Refusal refusal) =>
        key is null ? refusal : new Refused { Key = key, Refusal = refusal };

    private ulong TagOf(CommandKey? key) => key is { } known ? (ulong)known.Id : nextTag();

    private static CommandKey? KeyOf<T>(string? key, T request, Action<T, ByteWriter> write)
    {
        if (key is null)
        {
            return null;
        }

        // The request as it came, before prices: a changed price list must not turn a retry into another request.
        var writer = canonical ??= new(1_024);
        writer.Clear();
        write(request, writer);
        Span<byte> ascii = stackalloc byte[CommandRules.MaxIdempotencyKey];
        var length = Encoding.ASCII.GetBytes(key, ascii);
        var id = new CommandKey(ShortSha256.Cut(ascii[..length]), ShortSha256.Cut(writer.Written.Span));
        canonical = writer.Length <= MaxKeptCanonical ? writer : null;
        return id;
    }

    private static UInt128 ReferenceHash(string? reference) => reference is null ? 0 : ShortSha256.Cut(Encoding.UTF8.GetBytes(reference));

    private static void WriteRequest(DeductRequest request, ByteWriter writer)
    {
        writer.Byte(1);
        writer.Byte(request.Amount is null ? (byte)0 : (byte)1);
        writer.Credits(request.Amount ?? Credits.Zero);
        writer.OptionalText(request.Product);
        writer.Signed(request.Quantity ?? -1);
        writer.OptionalText(request.Description);
        writer.OptionalText(request.Reference);
    }

    private static void WriteRequest(DeductBatchRequest request, ByteWriter writer)
    {
        writer.Byte(2);
        foreach (var item in request.Items)
        {
            WriteRequest(item ?? new(), writer);
        }
    }

    private static void WriteRequest(RecordAccessRequest request, ByteWriter writer)
    {
        writer.Byte(3);
        writer.Byte((byte)request.Mode);
        writer.Signed(request.MaxCredits?.TenThousandths ?? -1);
        writer.OptionalText(request.Description);
        writer.OptionalText(request.Reference);
        foreach (var record in request.Records)
        {
            writer.OptionalText(record?.Type);
            writer.OptionalText(record?.Id);
            writer.OptionalText(record?.Product);
        }
    }

    private static void WriteRequest(GrantRequest request, ByteWriter writer)
    {
        writer.Byte(4);
        writer.Byte((byte)request.Source);
        writer.Credits(request.Amount);
        writer.Time(request.ExpiresAt);
        writer.OptionalText(request.Description);
        writer.OptionalText(request.ExternalReference);
    }

    private static void WriteRequest(AdjustRequest request, ByteWriter writer)
    {
        writer.Byte(5);
        writer.Credits(request.Amount);
        writer.OptionalText(request.Reason);
    }

    private static void WriteRequest(RefundRequest request, ByteWriter writer)
    {
        writer.Byte(6);
        writer.Signed(request.TransactionId.Number);
        writer.Fixed64(request.TransactionId.Tag);
        writer.Signed(request.Amount?.TenThousandths ?? -1);
        writer.OptionalText(request.Description);
    }
}
