namespace Metering.Cluster;

// What the contracts look like between processes. Aliases and ids are for ever: silos of two versions run side by side in an upgrade, so a
// field is added under a new id and an old one is never used for another meaning.

[GenerateSerializer, Immutable, Alias("metering.credits")]
internal struct CreditsSurrogate
{
    [Id(0)]
    public long TenThousandths;
}

[RegisterConverter]
internal sealed class CreditsConverter : IConverter<Credits, CreditsSurrogate>
{
    public Credits ConvertFromSurrogate(in CreditsSurrogate surrogate) => new(surrogate.TenThousandths);

    public CreditsSurrogate ConvertToSurrogate(in Credits value) => new() { TenThousandths = value.TenThousandths };
}

[GenerateSerializer, Immutable, Alias("metering.transaction-id")]
internal struct TransactionIdSurrogate
{
    [Id(0)]
    public long Number;

    [Id(1)]
    public ulong Tag;
}

[RegisterConverter]
internal sealed class TransactionIdConverter : IConverter<TransactionId, TransactionIdSurrogate>
{
    public TransactionId ConvertFromSurrogate(in TransactionIdSurrogate surrogate) => new(surrogate.Number, surrogate.Tag);

    public TransactionIdSurrogate ConvertToSurrogate(in TransactionId value) => new() { Number = value.Number, Tag = value.Tag };
}

[GenerateSerializer, Immutable, Alias("metering.burned")]
internal struct BurnedSurrogate
{
    [Id(0)]
    public Credits Bonus;

    [Id(1)]
    public Credits Monthly;

    [Id(2)]
    public Credits Permanent;
}

[RegisterConverter]
internal sealed class BurnedConverter : IConverter<Burned, BurnedSurrogate>
{
    public Burned ConvertFromSurrogate(in BurnedSurrogate surrogate) => new(surrogate.Bonus, surrogate.Monthly, surrogate.Permanent);

    public BurnedSurrogate ConvertToSurrogate(in Burned value) => new() { Bonus = value.Bonus, Monthly = value.Monthly, Permanent = value.Permanent };
}
