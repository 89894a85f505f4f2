module sluice/testprograms

go 1.19
